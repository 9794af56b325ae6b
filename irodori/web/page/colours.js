// The colours of a drawing's segments, as cyclegan/painting computes them. What a legend holds: irodori/web/preparing.py.

const PAPER = 0, SHADOWS = ["shading", "edge", "mirrored_light"];
const float = Math.fround;

/** Rounds to the nearest number, halves to the even one, as numpy does. */
export function rint(value) {
  const low = Math.floor(value), rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}

export function parse(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

export function format(colour) {
  return `#${Array.from(colour, (level) => level.toString(16).padStart(2, "0")).join("")}`;
}

/** Solves matrix · x = values, in place, by elimination with pivots. */
function solve(matrix, values) {
  const size = values.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(matrix[row][column]) > Math.abs(matrix[pivot][column])) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot], matrix[column]];
    [values[column], values[pivot]] = [values[pivot], values[column]];
    for (let row = column + 1; row < size; row++) {
      const factor = matrix[row][column] / matrix[column][column];
      for (let each = column; each < size; each++) matrix[row][each] -= factor * matrix[column][each];
      values[row] -= factor * values[column];
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let each = row + 1; each < size; each++) values[row] -= matrix[row][each] * values[each];
    values[row] /= matrix[row][row];
  }
  return values;
}

/** A palette whose classes follow those that were given a colour: cyclegan.painting.memory.Memory.followed. */
function followed(palette, covariance, wanted) {
  const rows = [...wanted.keys()].flatMap((name) => [3 * name, 3 * name + 1, 3 * name + 2]);
  const asked = [...wanted.values()].flatMap((colour) => colour.map((level) => float(level / 255)));
  const flat = palette.flat();
  const matrix = rows.map((row) => rows.map((column) => covariance[row][column]));
  const weights = solve(matrix, rows.map((row, index) => float(asked[index] - flat[row])));
  const moved = flat.map((value, at) => rows.reduce((sum, row, index) => sum + covariance[at][row] * weights[index], value));
  rows.forEach((row, index) => { moved[row] = asked[index]; });
  if (!wanted.has(PAPER)) moved.splice(0, 3, ...flat.slice(0, 3));
  const clipped = moved.map((value) => float(Math.min(1, Math.max(0, value))));
  return palette.map((_, name) => clipped.slice(3 * name, 3 * name + 3));
}

const inShares = (palette) => palette.map((colour) => colour.map((level) => float(level / 255)));

/** Gives each sheet to one figure, so that all resemble theirs most: cyclegan.painting.sheets.assign. */
function assigned(keys, sheets) {
  const surplus = Math.max(0, sheets.length - keys.length), known = new Map();
  const distance = (figure, sheet) => Math.hypot(...sheets[sheet].key.map((value, at) => value - keys[figure][at]));
  const best = (figure, free) => {
    if (figure === keys.length) return [free.length === surplus ? 0 : Infinity, []];
    const name = `${figure} ${free}`;
    if (!known.has(name)) {
      const found = [null, ...free].map((choice) => {
        const [rest, others] = best(figure + 1, free.filter((each) => each !== choice));
        return [rest + (choice === null ? 0 : distance(figure, choice)), [choice, ...others]];
      });
      known.set(name, found.reduce((least, each) => (each[0] < least[0] ? each : least)));
    }
    return known.get(name);
  };
  return best(0, sheets.map((_, at) => at))[1].map((choice) => (choice === null ? null : sheets[choice]));
}

/** The palette of each figure, hints for everywhere included. */
export function palettes(legend, edits) {
  const wanted = new Map();
  for (const hint of edits.hints) {
    if (hint.scope === "everywhere") wanted.set(legend.classes[hint.segment], hint.colour);
  }
  const suiting = legend.variants[Math.min(edits.variant, legend.variants.length) - 1];
  const chosen = edits.palette ? suiting.map(() => inShares(edits.palette)) : suiting;
  const sheets = edits.sheets?.length ? assigned(legend.keys, edits.sheets) : [];
  const own = chosen.map((palette, figure) => (sheets[figure] ? inShares(sheets[figure].palette.map(parse)) : palette));
  return wanted.size ? own.map((palette) => followed(palette, legend.covariance, wanted)) : own;
}

/** The colours (3n levels) of the n segments: cyclegan.painting.drawing.ReadDrawing.layered. */
export function coloursOf(legend, edits) {
  const { classes, figures } = legend;
  const colours = new Uint8Array(3 * classes.length);
  if (legend.own) legend.own.forEach((colour, segment) => colours.set(colour, 3 * segment));
  else {
    const levels = palettes(legend, edits).map((figure) => figure.map((one) => one.map((level) => rint(float(level * 255)))));
    classes.forEach((name, segment) => colours.set(levels[figures[segment]][name], 3 * segment));
  }
  const last = new Map(), strokes = new Set(); // by part; segments that wait for their pieces have their first stroke's colour
  for (const { segment, scope, colour } of edits.hints) {
    const name = classes[segment];
    if (scope === "everywhere") {
      members(legend, segment, scope).forEach((each) => {
        colours.set(colour, 3 * each);
        last.delete(legend.parts[each]);
      });
    } else if (scope === "part" && name !== PAPER) last.set(legend.parts[segment], { segment, colour });
  }
  for (const { segment, colour } of last.values()) {
    members(legend, segment, "part").forEach((each) => colours.set(colour, 3 * each));
  }
  for (const { segment, colour, points } of edits.hints) {
    const pieces = legend.pieces.get(segment);
    if (!points) colours.set(colour, 3 * segment);
    else if (pieces) pieces.filter((piece) => piece.hex === format(colour)).forEach((piece) => colours.set(colour, 3 * piece.number));
    else if (!strokes.has(segment)) strokes.add(colours.set(colour, 3 * segment) ?? segment);
  }
  return colours;
}

/** The segments that take the colour of a hint. */
export function members(legend, segment, scope) {
  const { classes, parts, byPart, byClass } = legend;
  if (scope === "everywhere") return byClass.get(classes[segment]);
  return scope === "part" && classes[segment] !== PAPER ? byPart.get(parts[segment]) : [segment];
}

/** Adds what is looked up often to a legend as it came. */
export function index(legend) {
  const group = (numbers) => numbers.reduce((found, number, at) => {
    found.has(number) ? found.get(number).push(at) : found.set(number, [at]);
    return found;
  }, new Map());
  const bySeat = new Map(legend.seats.map(([x, y], segment) => [y * legend.full[0] + x, segment]));
  return { ...legend, byPart: group(legend.parts), byClass: group(legend.classes), bySeat, pieces: new Map(), origins: new Map() };
}

/**
 * Adds hints. What a click covers loses its own hints; a hint that goes further moves to a segment that nothing else covers,
 * so that no segment ever holds two hints; but it may hold several strokes, which divide it.
 */
export function added(legend, hints, ...more) {
  return more.reduce((all, hint) => addedOne(legend, all, hint), hints);
}

function addedOne(legend, hints, hint) {
  const covered = new Set(members(legend, hint.segment, hint.scope));
  const kept = [];
  hints.forEach((earlier, at) => {
    const reach = members(legend, earlier.segment, earlier.scope);
    if (hint.points && earlier.points) return void kept.push(earlier);
    if (reach.every((each) => covered.has(each))) return;
    if (!covered.has(earlier.segment)) return void kept.push(earlier);
    const taken = new Set(covered);
    hints.slice(at + 1).forEach((later) => members(legend, later.segment, later.scope).forEach((each) => taken.add(each)));
    const free = reach.find((each) => !taken.has(each));
    if (free !== undefined) kept.push({ ...earlier, segment: free });
  });
  return [...kept, hint];
}

/** What is saved of edits: places, as in page.guide.json. */
export function saved(legend, edits) {
  const [width, height] = legend.full;
  const hints = edits.hints.map(({ segment, scope, colour, points }) => {
    if (points) return { points, colour: format(colour), scope };
    const [x, y] = legend.seats[segment];
    return { x: (x + 0.5) / width, y: (y + 0.5) / height, colour: format(colour), scope };
  });
  const palette = edits.palette && { palette: edits.palette.map(format), model: legend.model };
  const shadows = Object.fromEntries(SHADOWS.filter((name) => edits[name] ?? false).map((name) => [name, edits[name]]));
  if (edits.shading === 0) shadows.shading = 0;
  return { variant: edits.variant, hints, ...palette, ...shadows, ...(edits.sheets?.length && { sheets: edits.sheets }) };
}

/** Edits from what was saved; `find` gives the segment at a place of the view. */
export function restored(legend, found, find) {
  const [width, height] = legend.full;
  const hints = (found.hints ?? []).map(({ x, y, points, colour, scope = "part" }) => {
    if (points) return { segment: find(...points[points.length >> 1]), points, scope, colour: parse(colour) };
    const segment = legend.bySeat.get(Math.floor(y * height) * width + Math.floor(x * width)) ?? find(x, y);
    return { segment, scope, colour: parse(colour) };
  });
  const fits = !found.model || found.model === legend.model; // else the model has learned anew, and its classes are others
  const sheets = (found.sheets ?? []).filter((sheet) => sheet.model === legend.model);
  return {
    variant: found.variant ?? 1, palette: fits ? found.palette?.map(parse) : undefined, sheets, hints,
    shading: found.shading ?? null, edge: found.edge ?? null, mirrored_light: found.mirrored_light ?? false,
  };
}
