// Shows the picture on the visible canvas: zoom and pan by wheel, fingers and keys; tells what the pointer is over.

const MOST = 32, STEP = 1.25, STILL = 5; // px that a click may move

export class View extends EventTarget {
  /** Events: "over" and "click" with detail {x, y, alt} in pixels of the picture, "out", "stroke" with detail places. */
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.layers = [];
    this.outline = [];
    this.size = [1, 1];
    [this.scale, this.x, this.y] = [1, 0, 0]; // CSS px a picture px; place of the picture's corner
    this.pointers = new Map();
    this.pen = null; // the colour of strokes, while they are drawn
    this.fitted = true;
    new ResizeObserver(() => this.resize()).observe(canvas);
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave", "wheel"]) {
      canvas.addEventListener(name, (event) => this[name](event), { passive: false });
    }
  }

  /** Shows canvases of one size, one over the other. */
  show(layers, size) {
    this.layers = layers;
    const other = size[0] !== this.size[0] || size[1] !== this.size[1];
    this.size = size;
    other ? this.fit() : this.redraw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    this.fitted ? this.fit() : this.redraw();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas, margin = Math.min(24, width / 20);
    this.scale = Math.max(0.01, Math.min((width - 2 * margin) / this.size[0], (height - 2 * margin) / this.size[1]));
    this.x = (width - this.scale * this.size[0]) / 2;
    this.y = (height - this.scale * this.size[1]) / 2;
    this.fitted = true;
    this.redraw();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(0.02, this.scale * factor)), by = scale / this.scale;
    [this.x, this.y, this.scale] = [x - (x - this.x) * by, y - (y - this.y) * by, scale];
    this.fitted = false;
    this.redraw();
  }

  pan(x, y) {
    const { clientWidth: width, clientHeight: height } = this.canvas, least = 40;
    this.x = Math.min(width - least, Math.max(least - this.scale * this.size[0], this.x + x));
    this.y = Math.min(height - least, Math.max(least - this.scale * this.size[1], this.y + y));
    this.fitted = false;
    this.redraw();
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const { context, canvas, scale } = this, ratio = canvas.width / Math.max(1, canvas.clientWidth);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(scale * ratio, 0, 0, scale * ratio, this.x * ratio, this.y * ratio);
    context.imageSmoothingEnabled = scale * ratio < 3;
    context.imageSmoothingQuality = "high";
    this.layers.forEach((layer) => context.drawImage(layer, 0, 0, ...this.size));
    if (this.before) this.drawBefore();
    this.stroke(1 / scale);
    if (this.line) this.drawLine(1 / scale);
  }

  /** Draws the stroke that is under way. */
  drawLine(pixel) {
    const { context, line } = this;
    context.beginPath();
    line.forEach(([x, y]) => context.lineTo(x, y));
    context.lineCap = context.lineJoin = "round";
    for (const [style, width] of [["#fff", 8], [this.pen ?? "#000", 5]]) {
      context.strokeStyle = style;
      context.lineWidth = width * pixel;
      context.stroke();
    }
  }

  /** Draws what was before, left of the divider, and the divider. */
  drawBefore() {
    const { context } = this, [width, height] = this.size, at = this.divider * width;
    context.save();
    context.beginPath();
    context.rect(0, 0, at, height);
    context.clip();
    context.drawImage(this.before, 0, 0, width, height);
    context.restore();
    context.fillStyle = "#777";
    context.fillRect(at - 1 / this.scale, 0, 2 / this.scale, height);
  }

  /** Shows a canvas left of a divider, which follows the pointer; null ends that. */
  compare(before) {
    [this.before, this.divider] = [before, 0.5];
    this.redraw();
  }

  /** Draws the outline in black and white, so that it is seen on any colour. */
  stroke(pixel) {
    const { context, outline } = this;
    if (!outline.length) return;
    context.beginPath();
    for (let at = 0; at < outline.length; at += 4) {
      context.moveTo(outline[at], outline[at + 1]);
      context.lineTo(outline[at + 2], outline[at + 3]);
    }
    for (const [style, width] of [["rgb(0 0 0 / 60%)", 3], ["#fff", 1.25]]) {
      context.strokeStyle = style;
      context.lineWidth = width * pixel;
      context.stroke();
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left - this.x) / this.scale, (event.clientY - box.top - this.y) / this.scale];
  }

  tell(name, event) {
    const [x, y] = this.at(event);
    if (this.before) {
      this.divider = Math.min(1, Math.max(0, x / this.size[0]));
      this.redraw();
    }
    this.dispatchEvent(new CustomEvent(name, { detail: { x, y, alt: event.altKey } }));
  }

  pointerdown(event) {
    if (event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 1) Object.assign(this, { from: [event.clientX, event.clientY], moved: event.button === 1 });
    else this.moved = true;
    this.line = this.pen && event.button === 0 && this.pointers.size === 1 ? [this.at(event)] : null;
  }

  pointermove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.tell("over", event);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved ||= Math.hypot(event.clientX - this.from[0], event.clientY - this.from[1]) > STILL;
    if (!this.moved) return;
    this.dispatchEvent(new Event("out"));
    if (this.line) {
      this.line.push(...(event.getCoalescedEvents?.() ?? [event]).map((each) => this.at(each)), this.at(event));
      return this.redraw();
    }
    const share = 1 / (1 + others.length);
    this.pan((event.clientX - before[0]) * share, (event.clientY - before[1]) * share);
    if (others.length) {
      const length = ([x, y]) => Math.hypot(x - others[0][0], y - others[0][1]);
      const box = this.canvas.getBoundingClientRect();
      const middle = [(event.clientX + others[0][0]) / 2 - box.left, (event.clientY + others[0][1]) / 2 - box.top];
      this.zoom(length([event.clientX, event.clientY]) / Math.max(1, length(before)), ...middle);
    }
  }

  pointerup(event) {
    const { line } = this;
    this.line = null;
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    if (line && this.moved) this.dispatchEvent(new CustomEvent("stroke", { detail: line }));
    else if (!this.moved) this.tell("click", event);
    this.redraw();
  }

  pointercancel(event) {
    this.line = null;
    this.pointers.delete(event.pointerId);
  }

  pointerleave() {
    this.dispatchEvent(new Event("out"));
  }

  wheel(event) {
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect(), lines = event.deltaMode === 1 ? 30 : 1;
    const power = Math.max(-1.5, Math.min(1.5, (-event.deltaY * lines * (event.ctrlKey ? 4 : 1)) / 250));
    this.zoom(2 ** power, event.clientX - box.left, event.clientY - box.top);
    this.tell("over", event);
  }

  /** Answers a key; returns whether it was one of the view's. */
  key(key) {
    if (this.before && key.startsWith("Arrow")) {
      this.divider = Math.min(1, Math.max(0, this.divider + ({ ArrowLeft: -0.05, ArrowRight: 0.05 }[key] ?? 0)));
      this.redraw();
      return true;
    }
    const actions = {
      "+": () => this.zoom(STEP), "=": () => this.zoom(STEP), "-": () => this.zoom(1 / STEP), "0": () => this.fit(),
      ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0),
      ArrowUp: () => this.pan(0, 60), ArrowDown: () => this.pan(0, -60),
    };
    actions[key]?.();
    return key in actions;
  }
}
