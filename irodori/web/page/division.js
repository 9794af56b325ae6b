// Which segments a drawing is shown in: its own, or with the pieces into which strokes of several colours cut them.

import { format, index } from "./colours.js";
import { cutBy, readPieces, recoloured, withPieces } from "./strokes.js";

export class Division {
  constructor(picture) {
    Object.assign(this, { picture, whole: picture.legend, shown: "" });
    this.known = new Map([["", { legend: picture.legend, labels: picture.base }]]);
  }

  /** Shows the segments that edits ask for, if their pieces are known; returns whether others are shown than before. */
  follow(edits) {
    const wanted = cutBy(edits), found = this.known.get(wanted);
    if (!found || wanted === this.shown) return false;
    this.shown = wanted;
    this.picture.relabel(found.legend, found.labels);
    return true;
  }

  lacks(edits) {
    return !this.known.has(cutBy(edits));
  }

  /** Learns the pieces of edits, as the service sends them. */
  learn(edits, buffer) {
    const { found, labels } = readPieces(buffer);
    this.known.set(cutBy(edits), { legend: withPieces(this.whole, index, found), labels });
  }

  /** Gives a piece another colour; returns edits and the legend that shows them, or null where there is no piece. */
  repaint(edits, number, colour) {
    const { legend, labels } = this.picture, segment = legend.origins.get(number);
    const piece = legend.pieces.get(segment)?.find((each) => each.number === number);
    if (!piece) return null;
    const hints = recoloured(edits.hints, segment, piece.hex, colour), changed = { ...edits, hints };
    const own = legend.pieces.get(segment);
    if (own.some((each) => each !== piece && each.hex === format(colour))) return { edits: changed, legend };
    const renamed = own.map((each) => (each === piece ? { number, hex: format(colour) } : each));
    const grown = { ...legend, pieces: new Map(legend.pieces).set(segment, renamed) };
    this.known.set(cutBy(changed), { legend: grown, labels });
    return { edits: changed, legend: grown };
  }
}
