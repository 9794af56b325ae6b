// Opens what the address names: the start, or a drawing.

import { edit, receive } from "./opening.js";
import { start } from "./start.js";
import { texts } from "./texts.js";

for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
for (const element of document.querySelectorAll("[data-title]")) {
  element.setAttribute("aria-label", texts[element.dataset.title]);
  if (element.matches("a, button")) element.title = texts[element.dataset.title];
}

function show(section) {
  for (const each of ["start", "editor"]) document.getElementById(each).hidden = each !== section;
}

const found = location.pathname.match(/^\/d\/([\w-]+)$/);
if (found) {
  show("editor");
  edit(found[1]);
} else {
  show("start");
  start((file, model) => {
    show("editor");
    receive(file, model);
  });
}
