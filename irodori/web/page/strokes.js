// Strokes: each is taken apart into runs within one segment, so that what it colours is the same at any size; the pieces
// into which strokes of several colours cut a segment come from the service, as imaging/watershed.py finds them.

import { format } from "./colours.js";

const STEP = 24, MOST = 200; // px of the view between two points of a stroke; points of a run

/** The pixels of the view under a polyline, one after the other. */
function walked(places) {
  const found = [];
  places.forEach(([x, y], at) => {
    const [fromX, fromY] = places[Math.max(0, at - 1)], steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY)));
    for (let step = at ? 1 : steps; step <= steps; step++) {
      found.push([Math.floor(fromX + ((x - fromX) * step) / steps), Math.floor(fromY + ((y - fromY) * step) / steps)]);
    }
  });
  return found;
}

/** Hints for a stroke over the picture: `places` are pixels of the view, [x, y] each. */
export function runs(picture, places, colour) {
  const { base, width, height } = picture, found = [];
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? -1 : base[y * width + x]);
  const inside = ([x, y]) => {
    const segment = at(x, y);
    const deep = [[1, 0], [-1, 0], [0, 1], [0, -1]].every(([dx, dy]) => at(x + dx, y + dy) === segment);
    return deep ? segment : -1;
  };
  let run = null;
  for (const pixel of walked(places)) {
    const segment = inside(pixel);
    if (run?.segment !== segment) found.push(run = { segment, pixels: [] });
    run.pixels.push(pixel);
  }
  return found.filter(({ segment }) => segment >= 0).map(({ segment, pixels }) => {
    const points = thinned(pixels, (pixel) => inside(pixel) === segment);
    return { segment, scope: "area", colour, points: points.map(([x, y]) => [(x + 0.5) / width, (y + 0.5) / height]) };
  });
}

/** Leaves out points between which the straight way stays inside. */
function thinned(pixels, isInside) {
  const kept = [pixels[0]], step = Math.max(STEP, Math.ceil(pixels.length / MOST));
  for (let from = 0; from < pixels.length - 1;) {
    let to = Math.min(pixels.length - 1, from + step);
    while (to > from + 1 && !walked([pixels[from], pixels[to]]).every(isInside)) to = from + ((to - from) >> 1);
    kept.push(pixels[to]);
    from = to;
  }
  return kept;
}

/** Names the strokes that divide segments; "" if none do. */
export function cutBy(edits) {
  const bySegment = new Map();
  edits.hints.filter(({ points }) => points).forEach(({ segment, colour, points }) => {
    bySegment.set(segment, [...(bySegment.get(segment) ?? []), [segment, format(colour), points]]);
  });
  const cut = [...bySegment.values()].filter((strokes) => new Set(strokes.map(([, hex]) => hex)).size > 1);
  return cut.length ? JSON.stringify(cut) : "";
}

/** A legend with pieces: [number, segment, [r, g, b]] each, as the service found them. */
export function withPieces(legend, index, found) {
  const more = found.filter(([number]) => number >= legend.classes.length).sort(([one], [other]) => one - other);
  const grown = { ...legend };
  for (const name of ["classes", "parts", "figures", "seats"]) grown[name] = [...legend[name], ...more.map(([, from]) => legend[name][from])];
  if (legend.own) grown.own = [...legend.own, ...more.map(([, from]) => legend.own[from])];
  const result = index(grown);
  result.bySeat = legend.bySeat;
  for (const [number, segment, colour] of found) {
    result.origins.set(number, segment);
    result.pieces.set(segment, [...(result.pieces.get(segment) ?? []), { number, hex: colour && format(colour) }]);
  }
  return result;
}

/** Hints in which a piece of a segment has another colour. */
export function recoloured(hints, segment, hex, colour) {
  return hints.map((hint) => (hint.points && hint.segment === segment && format(hint.colour) === hex ? { ...hint, colour } : hint));
}

/** Reads what the service says of pieces: a line of JSON, then labels. */
export function readPieces(buffer) {
  const end = new Uint8Array(buffer).indexOf(10);
  const found = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 0, end)));
  return { found, labels: new Uint16Array(buffer.slice(end + 1)) };
}
