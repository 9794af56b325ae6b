// The pixels of a drawing: lines × flats, painted anew only where a segment's colour changes.

import { rint } from "./colours.js";

export class Picture {
  /** labels: the segment of each pixel; planes: grey, or red, green and blue, then alpha if there is one. */
  constructor(legend, labels, planes) {
    Object.assign(this, { legend, labels, base: labels, width: legend.width, height: legend.height });
    const count = labels.length, channels = legend.planes - (legend.alpha ? 1 : 0) - (legend.shadows ? 1 : 0);
    this.lines = Array.from({ length: channels }, (_, at) => planes.subarray(at * count, (at + 1) * count));
    this.alpha = legend.alpha ? planes.subarray(channels * count, (channels + 1) * count) : null;
    this.shadow = legend.shadows ? planes.subarray((legend.planes - 1) * count) : null;
    this.opacity = new Uint8Array(256); // of shadows, by the depth of the mask
    this.sort(legend.classes.length);
    this.colours = new Uint8Array(3 * legend.classes.length);
    this.image = new ImageData(this.width, this.height);
    this.canvas = Object.assign(document.createElement("canvas"), { width: this.width, height: this.height });
    this.context = this.canvas.getContext("2d");
    this.table = new Uint32Array(256);
  }

  /** Lists the pixels of each segment, one after the other. */
  sort(segments) {
    const { labels } = this;
    this.starts = new Uint32Array(segments + 1);
    for (let at = 0; at < labels.length; at++) this.starts[labels[at] + 1]++;
    for (let each = 0; each < segments; each++) this.starts[each + 1] += this.starts[each];
    const next = this.starts.slice();
    this.pixels = new Uint32Array(labels.length);
    for (let at = 0; at < labels.length; at++) this.pixels[next[labels[at]]++] = at;
  }

  /** Shows other segments of the same drawing: pieces, or those of before. */
  relabel(legend, labels) {
    Object.assign(this, { legend, labels });
    this.sort(legend.classes.length);
    this.colours = new Uint8Array(3 * legend.classes.length);
  }

  area(segment) {
    return this.starts[segment + 1] - this.starts[segment];
  }

  segmentAt(x, y) {
    const column = Math.floor(x), row = Math.floor(y);
    const inside = column >= 0 && row >= 0 && column < this.width && row < this.height;
    return inside ? this.labels[row * this.width + column] : -1;
  }

  colourOf(segment) {
    return Array.from(this.colours.subarray(3 * segment, 3 * segment + 3));
  }

  /** The segments whose colours would change. */
  differing(colours) {
    const found = [];
    for (let each = 0; each < colours.length / 3; each++) {
      const at = 3 * each, old = this.colours;
      if (colours[at] !== old[at] || colours[at + 1] !== old[at + 1] || colours[at + 2] !== old[at + 2]) found.push(each);
    }
    return found;
  }

  /** Gives segments their colours; `all` paints also what keeps its own. */
  show(colours, all = false) {
    const changed = all ? Array.from({ length: colours.length / 3 }, (_, each) => each) : this.differing(colours);
    const target = new Uint32Array(this.image.data.buffer);
    changed.forEach((segment) => this.fill(target, segment, colours));
    this.put(this.context, this.image, changed);
    this.colours = colours;
    return changed;
  }

  /** Makes shadows stronger or weaker, 0 to 1. */
  shade(strength) {
    this.opacity = Uint8Array.from({ length: 256 }, (_, depth) => rint(strength * depth));
  }

  /** Paints one segment into the pixels of a picture. */
  fill(target, segment, colours) {
    const { lines, alpha, pixels, table } = this;
    if (this.shadow && this.opacity[255]) return this.fillShaded(target, segment, colours);
    const [red, green, blue] = colours.subarray(3 * segment, 3 * segment + 3);
    const last = this.starts[segment + 1], level = (line, flat) => ((line * flat + 127) / 255) | 0;
    if (lines.length === 1 && !alpha) {
      for (let line = 0; line < 256; line++) {
        table[line] = (255 << 24) | (level(line, blue) << 16) | (level(line, green) << 8) | level(line, red);
      }
      for (let at = this.starts[segment]; at < last; at++) target[pixels[at]] = table[lines[0][pixels[at]]];
      return;
    }
    const [r, g, b] = lines.length === 1 ? [lines[0], lines[0], lines[0]] : lines;
    for (let at = this.starts[segment]; at < last; at++) {
      const pixel = pixels[at], opacity = alpha ? alpha[pixel] : 255;
      target[pixel] = (opacity << 24) | (level(b[pixel], blue) << 16) | (level(g[pixel], green) << 8) | level(r[pixel], red);
    }
  }

  /** The same, with shadows: imaging.layers.Layered.merged. */
  fillShaded(target, segment, colours) {
    const { alpha, pixels, shadow, opacity } = this, flat = colours.subarray(3 * segment, 3 * segment + 3);
    const tint = this.legend.shadows.tints[this.legend.classes[segment]], planes = this.channels();
    for (let at = this.starts[segment]; at < this.starts[segment + 1]; at++) {
      const pixel = pixels[at], depth = opacity[shadow[pixel]];
      let code = (alpha ? alpha[pixel] : 255) << 24;
      for (let channel = 0; channel < 3; channel++) {
        const left = (65025 - depth * (255 - tint[channel])) * flat[channel] * planes[channel][pixel];
        code |= Math.floor((left + 8290687) / 16581375) << (8 * channel);
      }
      target[pixel] = code;
    }
  }

  /** Puts the rows of segments onto a canvas. */
  put(context, image, segments) {
    let top = this.height, bottom = 0;
    for (const segment of segments) {
      if (!this.area(segment)) continue;
      top = Math.min(top, Math.floor(this.pixels[this.starts[segment]] / this.width));
      bottom = Math.max(bottom, Math.floor(this.pixels[this.starts[segment + 1] - 1] / this.width) + 1);
    }
    if (bottom > top) context.putImageData(image, 0, 0, 0, top, this.width, bottom - top);
    return [top, bottom];
  }

  /** A canvas of the drawing without colour. */
  bare() {
    const other = Object.assign(document.createElement("canvas"), { width: this.width, height: this.height });
    const image = new ImageData(this.width, this.height);
    const white = new Uint8Array(this.colours.length).fill(255), { opacity } = this;
    this.shade(0);
    const target = new Uint32Array(image.data.buffer);
    for (let each = 0; each < white.length / 3; each++) this.fill(target, each, white);
    this.opacity = opacity;
    other.getContext("2d").putImageData(image, 0, 0);
    return other;
  }

  /** Draws the picture in other colours, small, into a canvas. */
  thumbnail(canvas, colours, side) {
    const scale = Math.max(this.width, this.height) / side, fine = Math.min(4, Math.ceil(scale));
    canvas.width = Math.max(1, Math.round(this.width / scale));
    canvas.height = Math.max(1, Math.round(this.height / scale));
    const image = new ImageData(canvas.width, canvas.height), { data } = image, [r, g, b] = this.channels();
    for (let at = 0; at < canvas.width * canvas.height; at++) {
      const x = at % canvas.width, y = Math.floor(at / canvas.width), sums = [0, 0, 0];
      for (let part = 0; part < fine * fine; part++) {
        const column = Math.min(this.width - 1, Math.floor((x + ((part % fine) + 0.5) / fine) * scale));
        const row = Math.min(this.height - 1, Math.floor((y + (Math.floor(part / fine) + 0.5) / fine) * scale));
        const pixel = row * this.width + column, from = 3 * this.labels[pixel];
        sums[0] += r[pixel] * colours[from], sums[1] += g[pixel] * colours[from + 1], sums[2] += b[pixel] * colours[from + 2];
      }
      data.set([...sums.map((sum) => sum / (255 * fine * fine)), 255], 4 * at);
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  channels() {
    return this.lines.length === 1 ? [this.lines[0], this.lines[0], this.lines[0]] : this.lines;
  }
}

/** What a click would change, drawn over the picture: the new colours, and an outline around what is meant. */
export class Preview {
  constructor(picture) {
    this.picture = picture;
    this.image = new ImageData(picture.width, picture.height);
    this.canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    this.context = this.canvas.getContext("2d");
    this.drawn = [];
    this.outline = [];
  }

  clear() {
    const target = new Uint32Array(this.image.data.buffer), { starts, pixels } = this.picture;
    for (const segment of this.drawn) {
      for (let at = starts[segment]; at < starts[segment + 1]; at++) target[pixels[at]] = 0;
    }
    this.picture.put(this.context, this.image, this.drawn);
    this.drawn = [];
    this.outline = [];
  }

  show(colours, meant) {
    this.clear();
    const target = new Uint32Array(this.image.data.buffer);
    this.drawn = this.picture.differing(colours);
    this.drawn.forEach((segment) => this.picture.fill(target, segment, colours));
    this.picture.put(this.context, this.image, this.drawn);
    this.outline = this.edges(new Set(meant));
  }

  /** The borders of a set of segments: [x, y, x, y] of each stretch. */
  edges(meant) {
    const { labels, width, height, starts, pixels } = this.picture, found = [];
    const is = Uint8Array.from({ length: starts.length - 1 }, (_, each) => (meant.has(each) ? 1 : 0));
    for (const segment of meant) {
      for (let at = starts[segment]; at < starts[segment + 1]; at++) {
        const pixel = pixels[at], x = pixel % width, y = (pixel - x) / width;
        if (x === 0 || !is[labels[pixel - 1]]) found.push(x, y, x, y + 1);
        if (x === width - 1 || !is[labels[pixel + 1]]) found.push(x + 1, y, x + 1, y + 1);
        if (y === 0 || !is[labels[pixel - width]]) found.push(x, y, x + 1, y);
        if (y === height - 1 || !is[labels[pixel + width]]) found.push(x, y + 1, x + 1, y + 1);
      }
    }
    return found;
  }
}
