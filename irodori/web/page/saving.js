// Saves every change at once.

import { json } from "./api.js";
import { saved } from "./colours.js";
import { say } from "./message.js";
import { texts } from "./texts.js";

const $ = (id) => document.getElementById(id);

export class Saving {
  /** `after` is called with the edits that were saved, unless there are newer ones. */
  constructor(editor, version, after) {
    Object.assign(this, { editor, version, after });
  }

  /** Saves the newest edits; while one save is under way, the next one waits. */
  save() {
    this.unsaved = true;
    this.running ??= this.saveAll().finally(() => { this.running = null; });
    return this.running;
  }

  async saveAll() {
    const { id, about, whole } = this.editor;
    $("saving").textContent = texts.unsaved;
    while (this.unsaved) {
      this.unsaved = false;
      const headers = { "Content-Type": "application/json", "If-Match": `"${this.version}"` };
      const { edits } = this.editor, body = JSON.stringify(saved(whole, edits));
      try {
        this.version = (await json(`/drawings/${id}/edits`, { method: "PUT", body, headers })).version;
        $("saving").textContent = "";
        if (about.inbox) setTimeout(() => this.check(), 2000);
        if (!this.unsaved) await this.after(edits);
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
    const { problem } = await json(`/drawings/${this.editor.id}`).catch(() => ({ problem: "" }));
    if (problem) say(problem);
  }
}
