// Searches the reference and opens what a link points at. The page is whole without it, and it loads nothing.
"use strict";

const operations = [...document.querySelectorAll(".operation")];
const tags = [...document.querySelectorAll(".tag")];
const elsewhere = document.querySelectorAll(".intro, .reference");
const field = document.getElementById("search");
const found = document.getElementById("found");

// Every word has to be somewhere in the operation's tag, method, path, summary or name, in whatever case.
function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of operations) {
    one.hidden = !words.every((word) => one.dataset.search.includes(word));
  }
  for (const tag of tags) {
    tag.hidden = !tag.querySelector(".operation:not([hidden])");
  }
  for (const one of elsewhere) {
    one.hidden = words.length > 0;
  }
  const count = operations.filter((one) => !one.hidden).length;
  found.textContent = words.length === 0 ? "" : `${count} found`;
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target === null) {
    return;
  }
  if (target.closest("[hidden]")) {
    field.value = "";
    search();
  }
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
  }
  target.scrollIntoView();
}

field.addEventListener("input", search);
field.form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", openTarget);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
openTarget();
