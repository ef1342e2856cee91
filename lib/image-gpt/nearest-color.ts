import { ImageGptError } from './error.ts';

/** A palette that cannot be used. */
export class PaletteError extends ImageGptError {}

/** Tokens [n] of n RGB pixels [n, 3]. */
export type Quantizer = (rgb: Uint8Array) => Uint16Array;

/** Tokens are 16-bit, so a palette holds no more colours than this. */
export const MAX_COLORS = 65_536;

/** 8-bit levels per side of a fine cell: 32 x 32 x 32 cells. */
const FINE_SHIFT = 3;
/** 8-bit levels per side of a coarse cell: 4 x 4 x 4 cells, each read by 512 fine ones. */
const COARSE_SHIFT = 6;

/**
 * Relative slack of the candidate test. Each distance below is a few additions and multiplications, so its relative
 * rounding error is under 1e-15 of the squares that it sums; a bound a billion times wider costs no candidates.
 */
const SLACK = 1 + 1e-6;
/** Absolute slack, for distances so near 0 that cancellation in x - c counts: (2 ulp of 2)^2 is far below. */
const TINY = 1e-24;

/**
 * Makes the search for the nearest colour of a palette: token = argmin_k |x - c_k|^2 with x = u8 / 127.5 - 1, in the
 * direct form, in float64, summed red, green, blue; the lowest k on ties (MODEL.md section 1).
 *
 * Colour space is cut into cells, and a cell keeps the colours that can win somewhere inside it. It is exact: for a
 * cell B let far(k) = max over x in B of |x - c_k|^2 and near(k) = the minimum, and m = min_k far(k), reached at k = j.
 * If w wins at x in B then near(w) <= |x - c_w|^2 <= |x - c_j|^2 <= far(j) = m. So {k: near(k) <= m} holds the winner
 * of every x in B, and every colour tied with it; tested in ascending k with a strict <, the lowest wins. The slacks
 * above keep this true in floating point. A fine cell is filtered from its coarse cell's list, which holds all
 * winners of the fine cell; the argument only needs j and w to be in the list. Cells are built when first asked for.
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
  const coarse: (Uint16Array | undefined)[] = Array(4 ** 3).fill(undefined);
  const fine: (Uint16Array | undefined)[] = Array(32 ** 3).fill(undefined);

  /** Colours of `list` that win somewhere in the cell of side 2^shift whose first corner is (r, g, b). */
  function candidates(list: Uint16Array, r: number, g: number, b: number, shift: number): Uint16Array {
    const last = (1 << shift) - 1;
    const low = [LEVELS[r]!, LEVELS[g]!, LEVELS[b]!] as const;
    const high = [LEVELS[r + last]!, LEVELS[g + last]!, LEVELS[b + last]!] as const;
    const near = new Float64Array(list.length);
    let limit = Number.POSITIVE_INFINITY;
    for (let i = 0; i < list.length; i += 1) {
      const k = list[i]!;
      const c = [red[k]!, green[k]!, blue[k]!] as const;
      let nearest = 0;
      let farthest = 0;
      for (let axis = 0; axis < 3; axis += 1) {
        const below = low[axis]! - c[axis]!;
        const above = c[axis]! - high[axis]!;
        const inside = Math.max(below, above, 0);
        const outside = Math.max(Math.abs(below), Math.abs(above));
        nearest += inside * inside;
        farthest += outside * outside;
      }
      near[i] = nearest;
      if (farthest < limit) limit = farthest;
    }
    limit = limit * SLACK + TINY;
    return list.filter((_, i) => near[i]! <= limit);
  }

  function fineCell(r: number, g: number, b: number): Uint16Array {
    const c = ((r >> COARSE_SHIFT) << 4) | ((g >> COARSE_SHIFT) << 2) | (b >> COARSE_SHIFT);
    coarse[c] ??= candidates(
      everyColor,
      floorTo(r, COARSE_SHIFT),
      floorTo(g, COARSE_SHIFT),
      floorTo(b, COARSE_SHIFT),
      COARSE_SHIFT,
    );
    return candidates(coarse[c], floorTo(r, FINE_SHIFT), floorTo(g, FINE_SHIFT), floorTo(b, FINE_SHIFT), FINE_SHIFT);
  }

  return (rgb) => {
    const tokens = new Uint16Array(rgb.length / 3);
    for (let i = 0, p = 0; i < tokens.length; i += 1, p += 3) {
      const r = rgb[p]!;
      const g = rgb[p + 1]!;
      const b = rgb[p + 2]!;
      const cell = ((r >> FINE_SHIFT) << 10) | ((g >> FINE_SHIFT) << 5) | (b >> FINE_SHIFT);
      let list = fine[cell];
      if (list === undefined) {
        list = fineCell(r, g, b);
        fine[cell] = list;
      }
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
