// The start: a drawing is dropped, pasted or chosen.

import { json } from "./api.js";
import { listInbox } from "./inbox.js";
import { draw, recents } from "./recents.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);

/** Calls `take` with the file of a drawing and the id of a model. */
export async function start(take) {
  let about = null;
  const takeFile = (file) => {
    if (!file) return;
    const tooLarge = about && file.size > about.megabytes * 2 ** 20;
    $("start-problem").textContent = tooLarge ? texts.tooLarge(about.megabytes) : "";
    if (!tooLarge) take(file, $("model").value);
  };
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => takeFile($("file").files[0]);
  onDrop(document.body, takeFile);
  addEventListener("paste", (event) => !$("start").hidden && takeFile(event.clipboardData.files[0]));
  listRecents();
  listInbox();
  try {
    about = await json("/models");
  } catch (refused) {
    $("start-problem").textContent = refused.message || texts.nobody;
    return;
  }
  $("model").append(...about.models.map((name) => new Option(name)));
  if (!about.models.length) $("start-problem").textContent = texts.noModel;
  $("models").hidden = about.models.length < 2;
  $("kept").textContent = `${texts.takes(about.megabytes, about.megapixels)} ${texts.kept(about.days)}`;
}

/** Calls `take` with a file that is dropped. */
export function onDrop(element, take) {
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    element.addEventListener(name, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop") take(event.dataTransfer.files[0]);
    });
  }
}

function listRecents() {
  for (const { id, name, small } of recents()) {
    const link = Object.assign(document.createElement("a"), { href: `/d/${id}` });
    const canvas = document.createElement("canvas"), title = document.createElement("span");
    title.textContent = name;
    link.append(canvas, title);
    const item = document.createElement("li");
    item.append(link);
    $("recents").append(item);
    draw(canvas, small).catch(() => {});
  }
  $("recent").hidden = !$("recents").children.length;
}
