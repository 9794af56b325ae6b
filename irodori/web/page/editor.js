// A drawing is open: clicks become edits, edits become colours here and are saved there.

import { added, coloursOf, format, members, restored } from "./colours.js";
import { Division } from "./division.js";
import { say, step } from "./message.js";
import { Panel } from "./panel.js";
import { Preview } from "./picture.js";
import { forget, remember } from "./recents.js";
import { Saving } from "./saving.js";
import { Sheets } from "./sheets.js";
import { onDrop } from "./start.js";
import { runs } from "./strokes.js";
import { forgetThere, mask, pieces, refer, take } from "./taking.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);
const MOST_HINTS = 500;

export class Editor {
  constructor(id, about, picture, view, found, version) {
    Object.assign(this, { id, about, picture, view, whole: picture.legend, division: new Division(picture) });
    const { width, height } = picture, { shadows } = picture.legend;
    this.edits = restored(this.legend, found, (x, y) => picture.segmentAt(x * width, y * height));
    [this.undone, this.done] = [[], []];
    this.masks = new Map(shadows ? [[`${shadows.edge}/own`, picture.shadow]] : []);
    this.preview = new Preview(picture);
    this.saving = new Saving(this, version, (edits) => this.divide(edits));
    this.panel = new Panel();
    this.sheets = new Sheets(this);
    this.listen();
    this.layers();
    this.repaint(true);
    this.panel.listParts(picture);
    this.divide(this.edits).catch((refused) => say(refused.message || texts.nobody));
    this.sheets.list();
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
    view.addEventListener("stroke", ({ detail }) => this.stroke(detail));
    panel.addEventListener("colour", () => this.setDrawing(this.drawing));
    panel.addEventListener("part", ({ detail }) => this.paint(detail, "part"));
    panel.addEventListener("part-over", ({ detail }) => this.hover(detail, "part"));
    panel.addEventListener("part-out", () => this.hover(-1));
    panel.addEventListener("variant", ({ detail }) => this.change({ ...this.edits, ...detail }));
    const buttons = {
      undo: () => this.undo(), redo: () => this.redo(), pick: () => this.setPicking(!this.picking),
      draw: () => this.setDrawing(!this.drawing), compare: () => this.setComparing(!this.comparing), fit: () => view.fit(),
      closer: () => view.zoom(1.25), further: () => view.zoom(0.8),
      forget: () => { $("sure").hidden = false; $("yes").focus(); }, no: () => { $("sure").hidden = true; },
      yes: () => this.forget(), reference: () => $("picture").click(),
    };
    for (const [name, action] of Object.entries(buttons)) $(name).onclick = action;
    for (const button of $("files").children) button.onclick = () => {
      $("files").hidePopover();
      take(this, button.dataset.file);
    };
    $("picture").onchange = () => refer(this, $("picture").files[0]);
    onDrop(document.body, (file) => refer(this, file));
    $("shading").oninput = () => this.shade(Number($("shading").value) / 100);
    $("shading").onchange = () => this.change({ ...this.edits, shading: Number($("shading").value) / 100 });
    $("edges").onchange = () => this.change({ ...this.edits, edge: $("edges").querySelector(":checked").value });
    $("mirrored").onchange = () => this.change({ ...this.edits, mirrored_light: $("mirrored").checked });
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeunload", (event) => this.saving.running && event.preventDefault());
  }

  key(event) {
    if (event.target.matches("input[type=text]")) return;
    const command = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const keys = {
      z: () => (event.shiftKey ? this.redo() : this.undo()), y: () => this.redo(),
      ...(!command && {
        1: () => { this.panel.scope = "area"; }, 2: () => { this.panel.scope = "part"; },
        3: () => { this.panel.scope = "everywhere"; }, i: () => this.setPicking(!this.picking),
        b: () => this.setComparing(!this.comparing), s: () => this.setDrawing(!this.drawing),
        Escape: () => { this.setPicking(false); this.setDrawing(false); },
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
    else {
      const { edits, legend } = this.with(segment, scope);
      this.preview.show(coloursOf(legend, edits), members(legend, segment, scope));
    }
    this.view.outline = this.preview.outline;
    this.view.redraw();
  }

  /** Edits in which a click has coloured a segment, and the legend to show them by. */
  with(segment, scope) {
    const { legend, edits, panel: { colour } } = this;
    const repainted = scope === "area" ? this.division.repaint(edits, segment, colour) : null;
    if (repainted) return repainted;
    const hint = { segment: legend.origins.get(segment) ?? segment, scope, colour };
    return { legend, edits: { ...edits, hints: added(legend, edits.hints, hint) } };
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
    this.change(this.with(segment, scope).edits);
    this.took = performance.now() - started;
    this.speak(texts.nowColoured(this.panel.nameOfPart(segment), format(this.panel.colour)));
  }

  /** Colours what a stroke touches; strokes of several colours divide a segment between them. */
  stroke(places) {
    const hints = runs(this.picture, places, this.panel.colour);
    if (!hints.length || this.comparing) return;
    this.change({ ...this.edits, hints: added(this.whole, this.edits.hints, ...hints) });
    this.speak(texts.stroked(hints.length, format(this.panel.colour)));
  }

  /** Fetches the pieces into which the strokes cut segments, once they are saved. */
  async divide(edits) {
    if (!this.division.lacks(edits)) return;
    this.division.learn(edits, await pieces(this));
    this.repaint();
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
    this.setComparing(false);
    this.repaint();
    this.saving.save();
  }

  /** Paints the picture by the edits; `all` also what keeps its colour. */
  repaint(all = false) {
    this.hover(-1);
    const divided = this.division.follow(this.edits), strength = this.strength, lit = this.shine();
    this.picture.shade(strength);
    this.picture.show(coloursOf(this.legend, this.edits), all || divided || lit || strength !== this.shown);
    this.shown = strength;
    this.view.redraw();
    if (divided) this.panel.listParts(this.picture);
    clearTimeout(this.later);
    this.later = setTimeout(() => this.refresh(), 30); // after the picture, which is what the eye waits for
  }

  get legend() {
    return this.picture.legend;
  }

  /** How strong the shadows are, 0 to 1: cyclegan.painting.guide.Guide.strength. */
  get strength() {
    const { shadows } = this.legend, { shading, edge, mirrored_light: mirrored } = this.edits;
    return shadows ? shading ?? Number(shadows.helps || edge !== null || mirrored) : 0;
  }

  /** Takes the shadows of the kind that is asked for, or fetches them; returns whether they are others than before. */
  shine() {
    const { shadows } = this.legend, { edge, mirrored_light: mirrored } = this.edits;
    if (!shadows) return false;
    const kind = `${edge ?? shadows.edge}/${mirrored ? "mirrored" : "own"}`, found = this.masks.get(kind);
    if (!found && this.fetching !== kind) {
      this.fetching = kind;
      mask(this, kind).then((data) => { this.masks.set(kind, data); this.repaint(); }, (refused) => say(refused.message || texts.nobody))
        .finally(() => { this.fetching = ""; });
    }
    const other = Boolean(found) && found !== this.picture.shadow;
    if (other) this.picture.shadow = found;
    return other;
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
    this.sheets.show();
    this.showShadows();
    $("undo").disabled = !this.done.length;
    $("redo").disabled = !this.undone.length;
    remember(this.id, this.about.name, this.picture, this.picture.colours);
  }

  showShadows() {
    const { shadows } = this.legend;
    $("shadows").hidden = !shadows;
    if (!shadows) return;
    $("shading").value = 100 * this.strength;
    $("edges").querySelector(`[value=${this.edits.edge ?? shadows.edge}]`).checked = true;
    $("mirrored").checked = this.edits.mirrored_light;
  }

  layers() {
    this.view.show([this.picture.canvas, this.preview.canvas], [this.picture.width, this.picture.height]);
  }

  setPicking(wanted) {
    this.picking = wanted;
    if (wanted) this.setDrawing(false);
    $("pick").setAttribute("aria-pressed", wanted);
    document.body.classList.toggle("picking", wanted);
  }

  setDrawing(wanted) {
    this.drawing = Boolean(wanted);
    this.view.pen = this.drawing ? format(this.panel.colour) : null;
    $("draw").setAttribute("aria-pressed", this.drawing);
    if (this.drawing) this.setPicking(false);
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

  async forget() {
    try {
      await forgetThere(this);
      forget(this.id);
      location.assign("/");
    } catch (refused) {
      say(refused.message || texts.nobody);
    }
  }
}
