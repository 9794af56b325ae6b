// A drawing is open: clicks become edits, edits become colours here and are saved there.

import { Refused, bytes, call, coloured, finished, json } from "./api.js";
import { added, coloursOf, format, index, members, parse, restored, saved } from "./colours.js";
import { Panel } from "./panel.js";
import { Picture, Preview } from "./picture.js";
import { forget, remember } from "./recents.js";
import { onDrop } from "./start.js";
import { texts } from "./texts.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const MOST_HINTS = 500;

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

function step(text) {
  $("progress").hidden = !text;
  $("step").textContent = text;
}

/** Says what is wrong; with `button`, what can be done about it. */
function say(text, button = "", action = null) {
  const [words, remedy] = $("message").children;
  $("message").hidden = !text;
  words.textContent = text;
  remedy.hidden = !button;
  remedy.textContent = button;
  remedy.onclick = action;
}

function fail(error) {
  step("");
  if (!(error instanceof Refused)) {
    say(texts.broken, texts.reload, () => location.reload());
    throw error;
  }
  const hint = error.retryAfter ? ` ${texts.again(error.retryAfter)}` : "";
  say(`${error.message || texts.nobody}${hint}`, texts.another, () => location.assign("/"));
}

class Editor {
  constructor(id, about, picture, view, found, version) {
    Object.assign(this, { id, about, picture, view, version, legend: picture.legend });
    const { width, height } = picture;
    this.edits = restored(this.legend, found, (x, y) => picture.segmentAt(x * width, y * height));
    [this.undone, this.done] = [[], []];
    this.shown = this.strength;
    this.preview = new Preview(picture);
    picture.shade(this.strength);
    picture.show(coloursOf(this.legend, this.edits), true);
    this.panel = new Panel();
    this.listen();
    this.layers();
    this.panel.listParts(picture);
    setTimeout(() => this.refresh(), 30); // after the picture, which is what the eye waits for
    $("guide").hidden = !about.inbox;
    $("panel").inert = $("tools").inert = $("save").disabled = false;
    $("canvas").setAttribute("aria-label", texts.canvas);
    $("name").textContent = document.title = about.name;
    $("expires").textContent = texts.expires(new Date(about.expires * 1000).toLocaleString());
    step("");
  }

  listen() {
    const { view, panel } = this;
    view.addEventListener("over", ({ detail }) => this.hover(this.picture.segmentAt(detail.x, detail.y), this.panel.scope));
    view.addEventListener("out", () => this.hover(-1));
    view.addEventListener("click", ({ detail }) => this.click(detail));
    panel.addEventListener("part", ({ detail }) => this.paint(detail, "part"));
    panel.addEventListener("part-over", ({ detail }) => this.hover(detail, "part"));
    panel.addEventListener("part-out", () => this.hover(-1));
    panel.addEventListener("variant", ({ detail }) => this.change({ ...this.edits, ...detail }));
    const buttons = {
      undo: () => this.undo(), redo: () => this.redo(), pick: () => this.setPicking(!this.picking),
      compare: () => this.setComparing(!this.comparing), fit: () => view.fit(),
      closer: () => view.zoom(1.25), further: () => view.zoom(0.8),
      forget: () => { $("sure").hidden = false; $("yes").focus(); }, no: () => { $("sure").hidden = true; },
      yes: () => this.forget(), reference: () => $("picture").click(),
    };
    for (const [name, action] of Object.entries(buttons)) $(name).onclick = action;
    for (const button of $("files").children) button.onclick = () => this.take(button.dataset.file);
    $("picture").onchange = () => this.refer($("picture").files[0]);
    onDrop(document.body, (file) => !this.about.inbox && this.refer(file));
    $("shading").oninput = () => this.shade(Number($("shading").value) / 100);
    $("shading").onchange = () => this.change({ ...this.edits, shading: Number($("shading").value) / 100 });
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeunload", (event) => this.saving && event.preventDefault());
  }

  key(event) {
    if (event.target.matches("input[type=text]")) return;
    const command = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const keys = {
      z: () => (event.shiftKey ? this.redo() : this.undo()), y: () => this.redo(),
      ...(!command && {
        1: () => { this.panel.scope = "area"; }, 2: () => { this.panel.scope = "part"; },
        3: () => { this.panel.scope = "everywhere"; }, i: () => this.setPicking(!this.picking),
        b: () => this.setComparing(!this.comparing), Escape: () => this.setPicking(false),
      }),
    };
    if (key in keys) keys[key]();
    else if (command || (key.startsWith("Arrow") && document.activeElement !== $("canvas")) || !this.view.key(key)) return;
    event.preventDefault();
  }

  /** Shows what a click on a segment would change. */
  hover(segment, scope) {
    const wanted = segment < 0 || this.comparing ? "" : `${segment} ${scope} ${this.panel.colour} ${this.picking} ${this.done.length}`;
    if (wanted === this.hovered) return;
    this.hovered = wanted;
    if (!wanted) this.preview.clear();
    else if (this.picking) this.preview.show(this.picture.colours, [segment]);
    else this.preview.show(coloursOf(this.legend, this.with(segment, scope)), members(this.legend, segment, scope));
    this.view.outline = this.preview.outline;
    this.view.redraw();
  }

  with(segment, scope) {
    const hints = added(this.legend, this.edits.hints, { segment, scope, colour: this.panel.colour });
    return { ...this.edits, hints };
  }

  click({ x, y, alt }) {
    const segment = this.picture.segmentAt(x, y);
    if (segment < 0 || this.comparing) return;
    if (this.picking || alt) {
      this.panel.choose(this.picture.colourOf(segment));
      this.setPicking(false);
      this.speak(texts.picked(format(this.panel.colour)));
    } else this.paint(segment, this.panel.scope);
  }

  paint(segment, scope) {
    const started = performance.now();
    this.change(this.with(segment, scope));
    this.took = performance.now() - started;
    this.speak(texts.nowColoured(this.panel.nameOfPart(segment), format(this.panel.colour)));
  }

  /** Makes a change that can be undone. */
  change(edits) {
    if (edits.hints.length > MOST_HINTS) return say(texts.tooMany(MOST_HINTS));
    this.done.push(this.edits);
    this.undone = [];
    this.set(edits);
  }

  set(edits) {
    say("");
    this.edits = edits;
    this.hover(-1);
    this.setComparing(false);
    this.picture.shade(this.strength);
    this.picture.show(coloursOf(this.legend, edits), this.strength !== this.shown);
    this.shown = this.strength;
    this.view.redraw();
    this.save();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.refresh(), 30); // after the picture, which is what the eye waits for
  }

  /** How strong the shadows are, 0 to 1. */
  get strength() {
    return this.legend.shadows ? this.edits.shading ?? this.legend.shadows.strength : 0;
  }

  /** Shows shadows of another strength, while the slider moves. */
  shade(strength) {
    this.picture.shade(strength);
    this.picture.show(this.picture.colours, true);
    this.shown = strength;
    this.view.redraw();
  }

  undo() {
    if (!this.done.length) return;
    this.undone.push(this.edits);
    this.set(this.done.pop());
    this.speak(texts.undone);
  }

  redo() {
    if (!this.undone.length) return;
    this.done.push(this.edits);
    this.set(this.undone.pop());
    this.speak(texts.redone);
  }

  refresh() {
    this.panel.showSwatches(this.picture);
    this.panel.showParts(this.picture);
    this.panel.showVariants(this.picture, this.edits);
    $("shadows").hidden = !this.legend.shadows || this.about.inbox; // a guide has hints alone
    $("shading").value = 100 * this.strength;
    $("undo").disabled = !this.done.length;
    $("redo").disabled = !this.undone.length;
    remember(this.id, this.about.name, this.picture, this.picture.colours);
  }

  layers() {
    this.view.show([this.picture.canvas, this.preview.canvas], [this.picture.width, this.picture.height]);
  }

  setPicking(wanted) {
    this.picking = wanted;
    $("pick").setAttribute("aria-pressed", wanted);
    document.body.classList.toggle("picking", wanted);
  }

  setComparing(wanted) {
    if (wanted === Boolean(this.comparing)) return;
    this.comparing = wanted;
    $("compare").setAttribute("aria-pressed", wanted);
    this.hover(-1);
    this.view.compare(wanted ? (this.bare ??= this.picture.bare()) : null);
  }

  speak(text) {
    $("spoken").textContent = text;
  }

  /** Saves the newest edits; while one save is under way, the next one waits. */
  save() {
    this.unsaved = true;
    this.saving ??= this.saveAll().finally(() => { this.saving = null; });
    return this.saving;
  }

  async saveAll() {
    $("saving").textContent = texts.unsaved;
    while (this.unsaved) {
      this.unsaved = false;
      const headers = { "Content-Type": "application/json", "If-Match": `"${this.version}"` };
      const body = JSON.stringify(saved(this.legend, this.edits));
      try {
        this.version = (await json(`/drawings/${this.id}/edits`, { method: "PUT", body, headers })).version;
        $("saving").textContent = "";
        if (this.about.inbox) setTimeout(() => this.check(), 2000);
      } catch (refused) {
        if (refused.status === 412) return say(texts.conflict, texts.reload, () => location.reload());
        if (refused.status && refused.status !== 429 && refused.status !== 503) return say(refused.message);
        say(refused.message || texts.nobody);
        this.unsaved = true;
        await new Promise((resolve) => setTimeout(resolve, 1000 * (refused.retryAfter || 2)));
      }
    }
  }

  /** Tells why changes cannot become the guide of a drawing of the inbox. */
  async check() {
    const { problem } = await json(`/drawings/${this.id}`).catch(() => ({ problem: "" }));
    if (problem) say(problem);
  }

  /** Takes a file home. */
  async take(kind) {
    $("files").hidePopover();
    step(texts.making(kind));
    try {
      await this.saving;
      const { place } = await json(`/drawings/${this.id}/exports/${kind}`, { method: "POST" });
      const answer = await finished(place.replace("/api", ""));
      const name = decodeURIComponent(answer.headers.get("Content-Disposition").split("''")[1]);
      const url = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      this.speak(texts.made(name));
    } catch (refused) {
      say(refused.message || texts.nobody);
    }
    step("");
  }

  /** Takes the palette of a picture. */
  async refer(file) {
    if (!file) return;
    step(texts.measuring);
    try {
      const options = { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } };
      const { place } = await json(`/drawings/${this.id}/references`, options);
      const { palette } = await (await finished(place.replace("/api", ""))).json();
      this.change({ ...this.edits, palette: palette.map(parse) });
    } catch (refused) {
      say(refused.message || texts.nobody);
    }
    step("");
  }

  async forget() {
    try {
      await call(`/drawings/${this.id}`, { method: "DELETE" });
      forget(this.id);
      location.assign("/");
    } catch (refused) {
      say(refused.message || texts.nobody);
    }
  }
}
