// Registers a security key or passkey, or signs in with one: the browser does it, and the form carries its response.
"use strict";

const FAULTS = {
    InvalidStateError: "This key is registered already. Use another one.",
    NotAllowedError: "Nothing was confirmed: the request was cancelled, or it took too long. Use the key again.",
    SecurityError: "Security keys do not work at this address.",
};
const UNAVAILABLE = "This browser cannot use security keys or passkeys. Use a newer one.";

async function respond(use, options) {
    if (use === "create") {
        return navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)});
    }
    return navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
}

for (const form of document.querySelectorAll("form[data-security-key]")) {
    const button = form.querySelector("button[type=submit]");
    const fault = form.querySelector("[data-fault]");
    const report = (text) => {
        fault.textContent = text;
        fault.hidden = !text;
    };

    button.hidden = false;
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        report("");
        if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
            report(UNAVAILABLE);
            return;
        }
        button.disabled = true;
        try {
            const credential = await respond(form.dataset.securityKey, JSON.parse(form.dataset.options));
            form.elements.namedItem("response").value = JSON.stringify(credential.toJSON());
            form.submit();
        } catch (error) {
            report(FAULTS[error.name] ?? `${UNAVAILABLE} (${error.name})`);
            button.disabled = false;
        }
    });
}
// A page taken from the back-forward cache must be usable again.
window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-security-key] button").forEach((button) => { button.disabled = false; });
});
