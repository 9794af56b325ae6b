// Says what goes on, and what is wrong.

import { Refused } from "./api.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);

export function step(text) {
  $("progress").hidden = !text;
  $("step").textContent = text;
}

/** Says what is wrong; with `button`, what can be done about it. */
export function say(text, button = "", action = null) {
  const [words, remedy] = $("message").children;
  $("message").hidden = !text;
  words.textContent = text;
  remedy.hidden = !button;
  remedy.textContent = button;
  remedy.onclick = action;
}

export function fail(error) {
  step("");
  if (!(error instanceof Refused)) {
    say(texts.broken, texts.reload, () => location.reload());
    throw error;
  }
  const hint = error.retryAfter ? ` ${texts.again(error.retryAfter)}` : "";
  say(`${error.message || texts.nobody}${hint}`, texts.another, () => location.assign("/"));
}
