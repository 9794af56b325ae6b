// The drawings of the inbox, where the page shows it, with small pictures, which are made when they come into sight.

import { finished, json } from "./api.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);

/** Lists the inbox, or the folder of it that the address names: /?inbox=page%207. */
export async function listInbox() {
  const folder = new URLSearchParams(location.search).get("inbox");
  const { drawings } = await json("/inbox").catch(() => ({ drawings: [] }));
  const shown = drawings.filter(({ name }) => !folder || name.startsWith(`${folder}/`));
  $("inbox").hidden = !drawings.length;
  $("inbox-folder").textContent = folder ? ` › ${folder}` : "";
  $("inbox-all").hidden = !folder;
  const seen = new IntersectionObserver((entries) => entries.filter((each) => each.isIntersecting).forEach(({ target }) => {
    seen.unobserve(target);
    show(target.querySelector("canvas"), target.drawing);
  }), { rootMargin: "200px" });
  $("inboxes").replaceChildren(...shown.map((drawing) => {
    const item = document.createElement("li");
    item.drawing = drawing;
    item.append(button(drawing));
    seen.observe(item);
    return item;
  }));
}

function button({ name, state }) {
  const found = document.createElement("button"), title = document.createElement("span"), note = document.createElement("small");
  title.textContent = found.title = name;
  note.textContent = texts.states[state];
  found.append(document.createElement("canvas"), title, note);
  found.onclick = async () => {
    const query = new URLSearchParams({ name, model: $("model").value });
    try {
      location.assign(`/d/${(await json(`/inbox?${query}`, { method: "POST" })).id}`);
    } catch (refused) {
      $("start-problem").textContent = refused.message || texts.nobody;
    }
  };
  return found;
}

async function show(canvas, { name, state, version }) {
  const answer = await finished(`/inbox/thumbnail?${new URLSearchParams({ name, state, version })}`).catch(() => null);
  if (!answer) return; // it has none
  const image = await createImageBitmap(await answer.blob());
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
}
