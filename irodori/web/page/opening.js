// Opens a drawing: sends it, waits until it is coloured, and fetches what the editor needs.

import { bytes, call, coloured, json } from "./api.js";
import { index } from "./colours.js";
import { Editor } from "./editor.js";
import { fail, step } from "./message.js";
import { Picture } from "./picture.js";
import { texts } from "./texts.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);

/** Sends a drawing, shows it while it is coloured, and opens it. */
export async function receive(file, model) {
  const view = new View($("canvas"));
  createImageBitmap(file).then((image) => view.size[0] === 1 && view.show([image], [image.width, image.height]), () => {});
  $("name").textContent = document.title = file.name;
  step(texts.sending);
  try {
    const query = new URLSearchParams({ model, name: file.name.slice(-200) });
    const headers = { "Content-Type": "application/octet-stream" };
    const { id } = await json(`/drawings?${query}`, { method: "POST", body: file, headers });
    history.pushState(null, "", `/d/${id}`);
    addEventListener("popstate", () => location.reload());
    await edit(id, view);
  } catch (refused) {
    fail(refused);
  }
}

/** Opens a drawing. */
export async function edit(id, view = new View($("canvas"))) {
  try {
    const about = await coloured(id, ({ state, position }) =>
      step(state === "waiting" ? texts.waiting(position) : texts[state] ?? texts.painting));
    step(texts.reading);
    const [legend, labels, planes, edits] = await Promise.all([
      json(`/drawings/${id}/legend`), bytes(`/drawings/${id}/labels`), bytes(`/drawings/${id}/planes`),
      call(`/drawings/${id}/edits`),
    ]);
    const picture = new Picture(index(legend), new Uint16Array(labels), new Uint8Array(planes));
    const version = Number(edits.headers.get("ETag").replaceAll('"', ""));
    const editor = new Editor(id, about, picture, view, await edits.json(), version);
    globalThis.irodori = editor; // for the console, and for tests
  } catch (refused) {
    fail(refused);
  }
}
