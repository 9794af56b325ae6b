// What is fetched from the service, or taken home: files, the palette of a picture, pieces, other shadows.

import { call, finished, json } from "./api.js";
import { parse } from "./colours.js";
import { say, step } from "./message.js";
import { texts } from "./texts.js";

const BYTES = { "Content-Type": "application/octet-stream" };

/** Asks for what a painter makes, and waits for it. */
export async function made(path, options = {}) {
  const { place } = await json(path, { method: "POST", ...options });
  return finished(place.replace("/api", ""));
}

/** Does something that takes a while; says what is wrong. */
export async function patiently(text, action) {
  step(text);
  try {
    return await action();
  } catch (refused) {
    say(refused.message || texts.nobody);
    return null;
  } finally {
    step("");
  }
}

/** Takes a file home. */
export const take = (editor, kind) => patiently(texts.making(kind), async () => {
  await editor.saving.running;
  const answer = await made(`/drawings/${editor.id}/exports/${kind}`);
  const name = decodeURIComponent(answer.headers.get("Content-Disposition").split("''")[1]);
  const url = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  editor.speak(texts.made(name));
});

/** Takes the palette of a picture. */
export const refer = (editor, file) => file && patiently(texts.measuring, async () => {
  const answer = await made(`/drawings/${editor.id}/references`, { body: file, headers: BYTES });
  const { palette } = await answer.json();
  editor.change({ ...editor.edits, palette: palette.map(parse), sheets: [] });
});

/** The mask of shadows of a kind, such as "cel/mirrored". */
export async function mask(editor, kind) {
  return new Uint8Array(await (await made(`/drawings/${editor.id}/shadows/${kind}`)).arrayBuffer());
}

export async function pieces(editor) {
  return (await made(`/drawings/${editor.id}/pieces`)).arrayBuffer();
}

export async function forgetThere(editor) {
  await call(`/drawings/${editor.id}`, { method: "DELETE" });
}
