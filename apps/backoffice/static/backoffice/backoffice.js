// Times in the reader's own zone, photos enlarged in place, and forms that are sent once. Pages work without it.
"use strict";

const local = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
const zone = new Intl.DateTimeFormat(undefined, {timeZoneName: "short", hour: "numeric"});

function zoneOf(date) {
    return zone.formatToParts(date).find((part) => part.type === "timeZoneName")?.value ?? "";
}

function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
        const date = new Date(time.dateTime);
        time.title = time.textContent;
        time.textContent = `${local.format(date)} ${zoneOf(date)}`;
    }
}
localise(document);

// A part that changes by itself is read again every few seconds, until the server sends it without the attribute.
async function follow(part) {
    try {
        const response = await fetch(location.href);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.getElementById(part.id);
        if (!response.ok || !fresh) {
            return;
        }
        localise(fresh);
        part.replaceWith(document.adoptNode(fresh));
        followLater(fresh);
    } catch {
        followLater(part); // the network is away for a moment
    }
}

function followLater(part) {
    if (part.dataset.live) {
        setTimeout(() => follow(part), 1000 * Number(part.dataset.live));
    }
}
document.querySelectorAll("[data-live]").forEach(followLater);

for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
        // Only after this turn: a disabled button would not be sent along.
        setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
    });
}
// A page taken from the back-forward cache must be usable again.
window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-once] button").forEach((button) => { button.disabled = false; });
});

const box = document.querySelector("[data-lightbox]");
const links = [...document.querySelectorAll("[data-gallery] [data-enlarge]")];
if (box && links.length) {
    const image = box.querySelector("img");
    let shown = 0;

    const show = (index) => {
        shown = (index + links.length) % links.length;
        image.src = links[shown].href;
        image.alt = links[shown].querySelector("img").alt;
    };
    for (const name of ["previous", "next"]) {
        const button = box.querySelector(`[data-${name}]`);
        button.hidden = links.length < 2;
        button.addEventListener("click", () => show(shown + (name === "next" ? 1 : -1)));
    }
    links.forEach((link, index) => link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) {
            return;
        }
        event.preventDefault();
        show(index);
        box.showModal();
    }));
    box.addEventListener("keydown", (event) => {
        if (event.key === "ArrowRight") show(shown + 1);
        if (event.key === "ArrowLeft") show(shown - 1);
    });
    box.addEventListener("click", (event) => {
        if (event.target === box || event.target === image || event.target.closest("[data-close]")) {
            box.close();
        }
    });
}

for (const copy of document.querySelectorAll("[data-copy]")) {
    const secret = copy.parentElement.querySelector("[data-secret]");
    if (secret && navigator.clipboard) {
        copy.hidden = false;
        copy.addEventListener("click", async () => {
            await navigator.clipboard.writeText(secret.textContent);
            copy.textContent = "Copied";
        });
    }
}
