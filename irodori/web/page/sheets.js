// Colour sheets: the colours of a drawing under a name, for the same character in another drawing.

import { json } from "./api.js";
import { say } from "./message.js";
import { made, patiently } from "./taking.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);
const SHOWN = 8; // colours of a sheet

export class Sheets {
  constructor(editor) {
    this.editor = editor;
    this.known = [];
    $("keep").onsubmit = (event) => {
      event.preventDefault();
      this.keep($("sheet-name").value.trim(), false);
    };
    $("sheet-name").placeholder = texts.sheetName;
    $("sheet-name").setAttribute("aria-label", texts.sheetName);
  }

  async list() {
    const { legend, about } = this.editor;
    if (!about.sheets || !legend.model) return;
    const { sheets } = await json(`/sheets?${new URLSearchParams({ model: legend.model })}`).catch(() => ({ sheets: [] }));
    this.known = sheets;
    $("sheets").hidden = false;
    this.show();
  }

  /** Lists the sheets; those in use are pressed, also one whose file has changed since. */
  show() {
    const { edits } = this.editor, same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
    $("sheet-list").replaceChildren(...this.known.map(({ name, ...sheet }) => {
      const item = document.createElement("li"), button = document.createElement("button");
      const title = document.createElement("span"), used = edits.sheets.some((each) => same(each, sheet));
      title.textContent = button.title = name;
      button.append(...sheet.palette.slice(1, 1 + SHOWN).map((hex) => {
        const chip = document.createElement("i");
        chip.style.background = hex;
        return chip;
      }), title);
      button.setAttribute("aria-pressed", used);
      button.onclick = () => {
        const others = edits.sheets.filter((each) => !same(each, sheet));
        this.editor.change({ ...edits, sheets: used ? others : [...others, sheet] });
      };
      item.append(button);
      return item;
    }));
    $("no-sheets").hidden = this.known.length > 0;
  }

  /** Keeps the colours as they are now. */
  async keep(name, again) {
    if (!name) return;
    const replace = () => { say(""); this.keep(name, true); };
    if (!again && this.known.some((each) => each.name === name)) return void say(texts.sheetThere(name), texts.replace, replace);
    await patiently(texts.keeping, async () => {
      await this.editor.saving.running;
      try {
        await made(`/drawings/${this.editor.id}/sheets?${new URLSearchParams({ name, again })}`);
      } catch (refused) {
        if (refused.status !== 409 || again) throw refused;
        return void say(refused.message, texts.replace, replace);
      }
      $("sheet-name").value = "";
      this.editor.speak(texts.sheetKept(name));
      await this.list();
    });
  }
}
