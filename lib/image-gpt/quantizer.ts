import { ImageGptError } from '../ports/error.ts';

/** The palette is invalid. */
export class PaletteError extends ImageGptError {}

/** Maps RGB pixels [n, 3] to tokens [n]. */
export type Quantizer = (rgb: Uint8Array) => Uint16Array;

/** Tokens have 16 bits, which limits the colours of a palette. */
export const maxColors = 65_536;

/** A leaf of the octree has a side of 2^3 levels. The 32 x 32 x 32 leaves hold a few candidates each. */
const leafShift = 3;
/** The root has a side of all 2^8 levels. */
const rootShift = 8;

/**
 * Factor that widens the bound of the candidate test against rounding errors. Distances are sums of squares, so their
 * relative error stays below 1e-14, even if `farthest` picks the other of two equally distant ends. A bound this much
 * wider adds no candidates in practice.
 */
const slack = 1 + 1e-6;

/**
 * Creates the function that finds the nearest colour of a palette: token = argmin_k |x - c_k|^2 with x = u8 / 127.5 - 1.
 * It computes in float64 and sums red, green, blue. On ties the lowest k wins.
 *
 * Colour space is divided into cells. A cell lists the colours that are nearest to some point in it. The list is exact.
 * For a cell B, let far(k) be the maximum and near(k) the minimum of |x - c_k|^2 over x in B, and let m = min_k far(k) be
 * reached at k = j. If w is nearest to an x in B, then near(w) <= |x - c_w|^2 <= |x - c_j|^2 <= far(j) = m. So the list
 * {k: near(k) <= m} contains the nearest colour of every x in B, and all colours tied with it. Testing in ascending k
 * with a strict < gives the lowest. {@link slack} keeps this true in floating point.
 *
 * Cells form an octree. A cell filters its parent's list, which contains j and every w of the smaller cell. A cell is
 * built when the first pixel falls into it.
 *
 * @param palette [V, 3] in [-1, 1]
 * @throws {PaletteError} when the palette is not [V, 3] with V from 2 to 65,536, or has a value that is not finite
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
  // Indexed by shift. A level has (256 >> shift)^3 cells.
  const cells = Array.from({ length: rootShift }, (_, shift) =>
    Array<Uint16Array | undefined>(shift < leafShift ? 0 : (256 >> shift) ** 3).fill(undefined),
  );
  const leaves = cells[leafShift]!;

  /** Colours of `list` that are nearest to a point in the cell of side 2^shift with its lowest corner at (r, g, b). */
  function candidates(list: Uint16Array, r: number, g: number, b: number, shift: number): Uint16Array {
    const last = (1 << shift) - 1;
    const [r0, r1] = [levels[r]!, levels[r + last]!];
    const [g0, g1] = [levels[g]!, levels[g + last]!];
    const [b0, b1] = [levels[b]!, levels[b + last]!];
    let limit = Number.POSITIVE_INFINITY;
    for (let i = 0; i < list.length; i += 1) {
      const k = list[i]!;
      const far = farthest(red[k]!, r0, r1) + farthest(green[k]!, g0, g1) + farthest(blue[k]!, b0, b1);
      if (far < limit) limit = far;
    }
    limit = limit * slack;
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

  /** Candidates of the cell of side 2^shift that contains (r, g, b). */
  function cellAt(shift: number, r: number, g: number, b: number): Uint16Array {
    if (shift === rootShift) return everyColor;
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
      const list = leaves[cellIndex(leafShift, r, g, b)] ?? cellAt(leafShift, r, g, b);
      tokens[i] = list.length === 1 ? list[0]! : nearestOf(list, levels[r]!, levels[g]!, levels[b]!);
    }
    return tokens;
  };

  /** The first colour of `list` with the smallest distance to (x, y, z). */
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
const levels = Float64Array.from({ length: 256 }, (_, level) => level / 127.5 - 1);

/** Squared distance of c to the nearest point of an interval. */
function nearest(c: number, low: number, high: number): number {
  const distance = c < low ? low - c : c > high ? c - high : 0;
  return distance * distance;
}

/** Squared distance of c to the farthest point of an interval. */
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
  if (!Number.isInteger(colors) || colors < 2 || colors > maxColors) {
    throw new PaletteError(
      'invalid_palette',
      `Expected a palette of 2 to ${maxColors} colours with 3 values each, received ${palette.length} values.`,
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
