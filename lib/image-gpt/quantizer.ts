import { ImageGptError } from '../ports/error.ts';

/** A palette that cannot be used. */
export class PaletteError extends ImageGptError {}

/** Tokens [n] of n RGB pixels [n, 3]. */
export type Quantizer = (rgb: Uint8Array) => Uint16Array;

/** Tokens are 16-bit, so a palette holds no more colours than this. */
export const MAX_COLORS = 65_536;

/** A leaf of the octree spans 2^3 8-bit levels a side: 32 x 32 x 32 leaves, a handful of candidates in each. */
const LEAF_SHIFT = 3;
/** The root spans all 2^8 levels. */
const ROOT_SHIFT = 8;

/**
 * Slack of the candidate test. Distances are sums of squares, so their rounding errors stay relative, below 1e-14 even
 * where `farthest` picks the wrong one of two ends that are equally far; a bound this much wider costs no candidates.
 */
const SLACK = 1 + 1e-6;

/**
 * Makes the search for the nearest colour of a palette: token = argmin_k |x - c_k|^2 with x = u8 / 127.5 - 1, in the
 * direct form, in float64, summed red, green, blue; the lowest k on ties.
 *
 * Colour space is cut into cells, and a cell lists the colours that can win somewhere inside it. It is exact: for a
 * cell B let far(k) = max over x in B of |x - c_k|^2 and near(k) = the minimum, and m = min_k far(k), reached at k = j.
 * If w wins at x in B then near(w) <= |x - c_w|^2 <= |x - c_j|^2 <= far(j) = m. So {k: near(k) <= m} holds the winner
 * of every x in B, and every colour tied with it; tested in ascending k with a strict <, the lowest wins. The slack
 * above keeps this true in floating point. Cells form an octree, and a cell's list is filtered from its parent's: that
 * holds every winner of the smaller cell, and the argument needs only j and w to be in it. Cells are built when a pixel
 * first falls into them.
 *
 * @param palette [V, 3] in [-1, 1]
 * @throws {PaletteError} when the palette is not [V, 3] with V in 2..65,536, or holds something that is not a number
 */
export function createQuantizer(palette: Float32Array): Quantizer {
  const colors = checkPalette(palette);
  const red = new Float64Array(colors);
  const green = new Float64Array(colors);
  const blue = new Float64Array(colors);
  for (let k = 0; k < colors; k += 1) {
    red[k] = palette[k * 3]!;
    green[k] = palette[k * 3 + 1]!;
    blue[k] = palette[k * 3 + 2]!;
  }
  const everyColor = Uint16Array.from({ length: colors }, (_, k) => k);
  // By shift; each level has (256 >> shift)^3 cells.
  const cells = Array.from({ length: ROOT_SHIFT }, (_, shift) =>
    Array<Uint16Array | undefined>(shift < LEAF_SHIFT ? 0 : (256 >> shift) ** 3).fill(undefined),
  );
  const leaves = cells[LEAF_SHIFT]!;

  /** Colours of `list` that win somewhere in the cell of side 2^shift whose first corner is (r, g, b). */
  function candidates(list: Uint16Array, r: number, g: number, b: number, shift: number): Uint16Array {
    const last = (1 << shift) - 1;
    const [r0, r1] = [LEVELS[r]!, LEVELS[r + last]!];
    const [g0, g1] = [LEVELS[g]!, LEVELS[g + last]!];
    const [b0, b1] = [LEVELS[b]!, LEVELS[b + last]!];
    let limit = Number.POSITIVE_INFINITY;
    for (let i = 0; i < list.length; i += 1) {
      const k = list[i]!;
      const far = farthest(red[k]!, r0, r1) + farthest(green[k]!, g0, g1) + farthest(blue[k]!, b0, b1);
      if (far < limit) limit = far;
    }
    limit = limit * SLACK;
    const kept = new Uint16Array(list.length);
    let count = 0;
    for (let i = 0; i < list.length; i += 1) {
      const k = list[i]!;
      const near = nearest(red[k]!, r0, r1) + nearest(green[k]!, g0, g1) + nearest(blue[k]!, b0, b1);
      if (near <= limit) {
        kept[count] = k;
        count += 1;
      }
    }
    return kept.slice(0, count);
  }

  /** Candidates of the cell of side 2^shift that holds (r, g, b). */
  function cellAt(shift: number, r: number, g: number, b: number): Uint16Array {
    if (shift === ROOT_SHIFT) return everyColor;
    const level = cells[shift]!;
    const index = cellIndex(shift, r, g, b);
    const known = level[index];
    if (known) return known;
    const parent = cellAt(shift + 1, r, g, b);
    const list = candidates(parent, floorTo(r, shift), floorTo(g, shift), floorTo(b, shift), shift);
    level[index] = list;
    return list;
  }

  return (rgb) => {
    const tokens = new Uint16Array(rgb.length / 3);
    for (let i = 0, p = 0; i < tokens.length; i += 1, p += 3) {
      const r = rgb[p]!;
      const g = rgb[p + 1]!;
      const b = rgb[p + 2]!;
      const list = leaves[cellIndex(LEAF_SHIFT, r, g, b)] ?? cellAt(LEAF_SHIFT, r, g, b);
      tokens[i] = list.length === 1 ? list[0]! : nearestOf(list, LEVELS[r]!, LEVELS[g]!, LEVELS[b]!);
    }
    return tokens;
  };

  /** The first of `list` at the smallest distance to x. */
  function nearestOf(list: Uint16Array, x: number, y: number, z: number): number {
    let best = 0;
    let smallest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < list.length; i += 1) {
      const k = list[i]!;
      const dr = x - red[k]!;
      const dg = y - green[k]!;
      const db = z - blue[k]!;
      const distance = dr * dr + dg * dg + db * db;
      if (distance < smallest) {
        smallest = distance;
        best = k;
      }
    }
    return best;
  }
}

/** u8 / 127.5 - 1 for every level. */
const LEVELS = Float64Array.from({ length: 256 }, (_, level) => level / 127.5 - 1);

/** Squared distance of c from the nearest point of an interval. */
function nearest(c: number, low: number, high: number): number {
  const distance = c < low ? low - c : c > high ? c - high : 0;
  return distance * distance;
}

/** Squared distance of c from the farthest point of an interval. */
function farthest(c: number, low: number, high: number): number {
  const distance = c + c < low + high ? high - c : c - low;
  return distance * distance;
}

function cellIndex(shift: number, r: number, g: number, b: number): number {
  const side = 8 - shift;
  return ((r >> shift) << (2 * side)) | ((g >> shift) << side) | (b >> shift);
}

function floorTo(level: number, shift: number): number {
  return (level >> shift) << shift;
}

function checkPalette(palette: Float32Array): number {
  const colors = palette.length / 3;
  if (!Number.isInteger(colors) || colors < 2 || colors > MAX_COLORS) {
    throw new PaletteError(
      'invalid_palette',
      `Expected a palette of 2 to ${MAX_COLORS} colours with 3 values each, received ${palette.length} values.`,
    );
  }
  const wrong = palette.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new PaletteError(
      'invalid_palette',
      `Expected finite palette values, received ${palette[wrong]} in colour ${Math.floor(wrong / 3)}.`,
    );
  }
  return colors;
}
