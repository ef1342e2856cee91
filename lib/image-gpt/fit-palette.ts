import { ImageGptError } from '../ports/error.ts';
import { createQuantizer, maxColors } from './quantizer.ts';
import { createRandom, type Random } from './random.ts';

export interface FitPaletteOptions {
  /** Colours of the palette, V: 2 to 65,536. */
  colors: number;
  seed: number;
  /** Most rounds of Lloyd's algorithm. */
  iterations: number;
  /** Called after each round. */
  onRound?: ((round: number, inertia: number) => void | Promise<void>) | undefined;
}

export interface FittedPalette {
  /** [V, 3] in [-1, 1] */
  palette: Float32Array;
  /** Sum over all pixels of the squared distance to the nearest colour, in [-1, 1] space. */
  inertia: number;
  rounds: number;
  /** False if the rounds ended before the inertia settled. */
  converged: boolean;
}

/** The pixels have fewer different colours than the palette needs, or no round is allowed. */
class PaletteFitError extends ImageGptError {}

/** The different colours of a set of pixels. */
interface Colors {
  /** [U, 3], 8-bit levels */
  rgb: Uint8Array;
  /** [U, 3] in [-1, 1] */
  points: Float64Array;
  /** [U], number of pixels of each colour */
  counts: Float64Array;
}

/** Separates this generator from others with the same seed. */
const paletteStream = 0xc01;

/** Stop when a round lowers the inertia by less than this share. Hundreds more rounds would gain a thousandth. */
const minGain = 1e-4;

/**
 * Fits a palette to pixels [N, 3] by k-means, as the paper does: greedy k-means++ seeding, then Lloyd's rounds. The same
 * pixels in any order, with the same seed, give the same palette.
 *
 * @throws PaletteFitError `too_few_colors`, `too_few_rounds`
 */
export async function fitPalette(pixels: Uint8Array, options: FitPaletteOptions): Promise<FittedPalette> {
  const { colors, seed, iterations, onRound } = options;
  const different = differentColors(pixels);
  if (colors < 2 || colors > maxColors || different.counts.length < colors) {
    throw new PaletteFitError(
      'too_few_colors',
      `expected pixels of at least ${colors} different colours, received ${different.counts.length}; give more pictures, or ask for fewer colours`,
    );
  }
  let palette = seedPalette(different, colors, createRandom(seed, paletteStream));
  let before = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= iterations; round++) {
    const { inertia, next } = lloyd(different, palette);
    await onRound?.(round, inertia);
    const converged = before - inertia <= minGain * inertia;
    // `inertia` belongs to `palette`, not to `next`, so the last round returns `palette`.
    if (converged || round === iterations) return { palette, inertia, rounds: round, converged };
    before = inertia;
    palette = next;
  }
  throw new PaletteFitError('too_few_rounds', `expected at least one round, received ${iterations}`);
}

/** The different colours and their counts, in the order of their levels. */
function differentColors(pixels: Uint8Array): Colors {
  const histogram = new Uint32Array(2 ** 24);
  for (let i = 0; i < pixels.length; i += 3) {
    histogram[(pixels[i]! << 16) | (pixels[i + 1]! << 8) | pixels[i + 2]!]! += 1;
  }
  const found: number[] = [];
  for (let color = 0; color < histogram.length; color++) {
    if (histogram[color]! > 0) found.push(color);
  }
  const rgb = Uint8Array.from(found.flatMap((color) => [color >> 16, (color >> 8) & 0xff, color & 0xff]));
  return {
    rgb,
    points: Float64Array.from(rgb, (level) => level / 127.5 - 1),
    counts: Float64Array.from(found, (color) => histogram[color]!),
  };
}

/**
 * Greedy k-means++ (Arthur and Vassilvitskii 2007), as in scikit-learn. Draws each colour with a probability proportional
 * to its squared distance to the nearest colour drawn before. Keeps the best of several draws: the one that leaves the
 * least inertia.
 */
function seedPalette({ points, counts }: Colors, colors: number, random: Random): Float32Array {
  const size = counts.length;
  const trials = 2 + Math.floor(Math.log(colors));
  const palette = new Float32Array(colors * 3);
  let weights: Float64Array = counts;
  let nearest: Float64Array = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  for (let k = 0; k < colors; k++) {
    let best: { color: number; nearest: Float64Array; weights: Float64Array; sum: number } | undefined;
    for (let trial = 0; trial < (k === 0 ? 1 : trials); trial++) {
      const color = draw(weights, random);
      const distances = new Float64Array(size);
      const weighted = new Float64Array(size);
      let sum = 0;
      const [r, g, b] = [points[color * 3]!, points[color * 3 + 1]!, points[color * 3 + 2]!];
      for (let i = 0; i < size; i++) {
        const dr = points[i * 3]! - r;
        const dg = points[i * 3 + 1]! - g;
        const db = points[i * 3 + 2]! - b;
        const distance = Math.min(nearest[i]!, dr * dr + dg * dg + db * db);
        distances[i] = distance;
        weighted[i] = distance * counts[i]!;
        sum += weighted[i]!;
      }
      if (best === undefined || sum < best.sum) best = { color, nearest: distances, weights: weighted, sum };
    }
    if (best === undefined) break;
    ({ nearest, weights } = best);
    palette.set(points.subarray(best.color * 3, best.color * 3 + 3), k * 3);
  }
  return palette;
}

/** Draws an index with a probability proportional to its weight. */
function draw(weights: Float64Array, random: Random): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = random() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return last;
}

/** A round of Lloyd's algorithm: the palette's inertia, and the mean of the pixels nearest to each colour. */
function lloyd({ rgb, points, counts }: Colors, palette: Float32Array): { inertia: number; next: Float32Array } {
  const colors = palette.length / 3;
  const tokens = createQuantizer(palette)(rgb);
  const sums = new Float64Array(colors * 3);
  const members = new Float64Array(colors);
  const distances = new Float64Array(counts.length);
  let inertia = 0;
  tokens.forEach((token, i) => {
    const count = counts[i]!;
    let distance = 0;
    for (let c = 0; c < 3; c++) {
      const off = points[i * 3 + c]! - palette[token * 3 + c]!;
      distance += off * off;
      sums[token * 3 + c]! += count * points[i * 3 + c]!;
    }
    members[token]! += count;
    inertia += count * distance;
    distances[i] = distance;
  });
  const next = Float32Array.from(sums, (sum, i) => sum / members[Math.floor(i / 3)]!);
  // A colour without pixels moves to the pixel that the palette represents worst, as in scikit-learn.
  const lost = Array.from(members.keys()).filter((k) => members[k] === 0);
  if (lost.length > 0) {
    const farthest = Array.from(distances.keys()).sort((a, b) => distances[b]! - distances[a]!);
    lost.forEach((k, i) => {
      const color = farthest[i]!;
      next.set(points.subarray(color * 3, color * 3 + 3), k * 3);
    });
  }
  return { inertia, next };
}
