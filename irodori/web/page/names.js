// Names colours in plain words, as imaging/colour_names.py does.

import { parse } from "./colours.js";
import { names } from "./texts.js";

function lab(colour) {
  const [r, g, b] = colour.map((level) => level / 255).map((v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92));
  const [x, y, z] = [
    (0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.950456,
    0.212671 * r + 0.71516 * g + 0.072169 * b,
    (0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754,
  ].map((v) => (v > 0.008856 ? Math.cbrt(v) : 7.787 * v + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const table = Object.entries(names).map(([name, hex]) => [name, lab(parse(hex))]);

export function nameOf(colour) {
  const own = lab(colour);
  const distance = ([, other]) => Math.hypot(...other.map((value, at) => value - own[at]));
  return table.reduce((best, each) => (distance(each) < distance(best) ? each : best))[0];
}
