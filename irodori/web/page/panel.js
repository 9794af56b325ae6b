// The panel beside the drawing: colour, swatches, palettes, and the list of parts.

import { coloursOf, format, members, parse } from "./colours.js";
import { nameOf } from "./names.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);
const SMALLEST = 1 / 4000, MOST_PARTS = 120, SIDE = 96, MOST_SWATCHES = 24;

export class Panel extends EventTarget {
  /** Events: "variant" with detail number, "part" (paint it), "part-over" and "part-out", with detail segment. */
  constructor() {
    super();
    $("colour").oninput = () => this.choose(parse($("colour").value));
    $("hex").onchange = () => {
      const hex = /^#?([0-9a-f]{6})$/i.exec($("hex").value.trim());
      this.choose(hex ? parse(`#${hex[1].toLowerCase()}`) : this.colour);
    };
    $("hex").setAttribute("aria-label", texts.hex);
    $("colour").setAttribute("aria-label", texts.colour);
    $("scopes").onchange = () => this.explain();
    $("parts").onkeydown = (event) => this.move(event);
    $("variants").onkeydown = (event) => this.move(event, "variants");
    this.choose(parse($("colour").value));
    this.explain();
  }

  get scope() {
    return $("scopes").querySelector(":checked").value;
  }

  set scope(value) {
    $("scopes").querySelector(`[value=${value}]`).checked = true;
    this.explain();
  }

  explain() {
    $("scope-more").textContent = texts[`${this.scope}More`];
    this.dispatchEvent(new Event("scope"));
  }

  choose(colour) {
    this.colour = colour;
    $("colour").value = $("hex").value = format(colour);
    this.press();
    this.dispatchEvent(new Event("colour"));
  }

  press() {
    for (const each of $("swatches").children) each.setAttribute("aria-pressed", each.dataset.hex === format(this.colour));
  }

  /** Lists the colours in use, the largest first. */
  showSwatches(picture) {
    const areas = new Map();
    picture.legend.classes.forEach((_, segment) => {
      const hex = format(picture.colourOf(segment));
      areas.set(hex, (areas.get(hex) ?? 0) + picture.area(segment));
    });
    const used = [...areas].sort((one, other) => other[1] - one[1]).slice(0, MOST_SWATCHES);
    $("swatches").replaceChildren(...used.map(([hex]) => {
      const button = document.createElement("button");
      button.style.background = button.dataset.hex = hex;
      button.title = texts.swatch(nameOf(parse(hex)), hex);
      button.setAttribute("aria-label", button.title);
      button.onclick = () => this.choose(parse(hex));
      return button;
    }));
    this.press();
  }

  /** Shows the drawing in each palette that suits it, and in that of a reference. */
  showVariants(picture, edits) {
    const count = picture.legend.variants.length;
    $("palettes").hidden = !count;
    const choices = Array.from({ length: count }, (_, at) => ({ variant: at + 1, palette: null }));
    if (edits.palette) choices.push({ variant: edits.variant, palette: edits.palette });
    while ($("variants").children.length > choices.length) $("variants").lastChild.remove();
    choices.forEach((choice, at) => {
      const button = $("variants").children[at] ?? this.variantButton();
      const chosen = edits.palette ? choice.palette : choice.variant === edits.variant;
      button.setAttribute("aria-checked", Boolean(chosen));
      button.tabIndex = chosen ? 0 : -1;
      button.title = choice.palette ? texts.fromReference : texts.variant(at + 1);
      button.setAttribute("aria-label", button.title);
      button.onclick = () => this.dispatchEvent(new CustomEvent("variant", { detail: choice }));
      picture.thumbnail(button.firstChild, coloursOf(picture.legend, { ...edits, ...choice }), SIDE);
    });
  }

  variantButton() {
    const button = document.createElement("button");
    button.setAttribute("role", "radio");
    button.append(document.createElement("canvas"));
    $("variants").append(button);
    return button;
  }

  /** Lists the parts once; later `showParts` only changes their colours. */
  listParts(picture) {
    const { legend } = picture, total = picture.width * picture.height, seen = new Set();
    const all = legend.classes.flatMap((_, segment) => {
      if (seen.has(segment)) return [];
      const own = members(legend, segment, "part");
      own.forEach((each) => seen.add(each));
      return [{ segment, share: own.reduce((sum, each) => sum + picture.area(each), 0) / total }];
    });
    all.sort((one, other) => other.share - one.share);
    this.parts = all.filter(({ share }) => share >= SMALLEST).slice(0, MOST_PARTS);
    $("smaller").textContent = all.length > this.parts.length ? texts.smaller(all.length - this.parts.length) : "";
    $("parts").replaceChildren(...this.parts.map((part, at) => this.row(part, at)));
  }

  row(part, at) {
    const item = document.createElement("li"), button = document.createElement("button");
    const share = document.createElement("small");
    share.textContent = texts.partShare(part.share);
    button.append(document.createElement("i"), document.createElement("span"), share);
    button.tabIndex = at ? -1 : 0;
    const tell = (name) => this.dispatchEvent(new CustomEvent(name, { detail: part.segment }));
    button.onclick = () => tell("part");
    button.onfocus = button.onmouseenter = () => tell("part-over");
    button.onblur = button.onmouseleave = () => tell("part-out");
    item.append(button);
    return item;
  }

  showParts(picture) {
    const counts = new Map();
    this.parts.forEach(({ segment }, at) => {
      const colour = picture.colourOf(segment), [chip, name] = $("parts").children[at].firstChild.children;
      const word = picture.legend.classes[segment] ? nameOf(colour) : texts.paper;
      counts.set(word, (counts.get(word) ?? 0) + 1);
      chip.style.background = format(colour);
      name.textContent = texts.partName(word, counts.get(word));
    });
  }

  nameOfPart(segment) {
    const at = this.parts.findIndex((part) => part.segment === segment);
    return at < 0 ? texts.part : $("parts").children[at].querySelector("span").textContent;
  }

  /** Moves the focus within a list by the arrow keys. */
  move(event, list = "parts") {
    const all = [...$(list).querySelectorAll("button")], at = all.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -at, End: all.length - 1 - at };
    if (!(event.key in steps) || at < 0) return;
    const next = all[Math.min(all.length - 1, Math.max(0, at + steps[event.key]))];
    all.forEach((each) => { each.tabIndex = each === next ? 0 : -1; });
    next.focus();
    if (list === "variants") next.click();
    event.preventDefault();
    event.stopPropagation();
  }
}
