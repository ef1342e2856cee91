import type { Resample } from '../ports/model.ts';

/**
 * What one pass of a resize sums for each output index: `count[i]` source pixels from `start[i]` on, times the fixed
 * point (22 fraction bits) `weights[i * stride + j]`.
 */
export interface ResampleTable {
  start: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  stride: number;
}

interface Filter {
  /** Radius in output pixels, before scaling. */
  support: number;
  at(x: number): number;
}

const ONE = 1 << 22;

/** Pillow writes hamming's constants as C floats. */
const HAMMING_MEAN = Math.fround(0.54);
const HAMMING_COSINE = Math.fround(0.46);

/** Filters by Pillow's number (Pillow, src/libImaging/Resample.c). */
const FILTERS: Record<Exclude<Resample, 0>, Filter> = {
  1: { support: 3, at: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, at: bicubic },
  4: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, at: hamming },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic with a = -0.5. */
function bicubic(signed: number): number {
  const a = -0.5;
  const x = Math.abs(signed);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function hamming(signed: number): number {
  const x = Math.abs(signed);
  if (x === 0) return 1;
  if (x >= 1) return 0;
  return sinc(x) * (HAMMING_MEAN + HAMMING_COSINE * Math.cos(x * Math.PI));
}

/** Tables of the sizes seen last. A table of 4,000 to 32 pixels takes 33 KB, so a full cache stays near 2 MB. */
const CACHED_TABLES = 64;
const tables = new Map<string, ResampleTable>();

/**
 * Weights of one pass from `size` to `outSize` pixels; shared between calls, so never to be written to.
 *
 * A sum of 8-bit pixels times these weights fits in 32 bits: a window's weights add up to 1, and the negative lobes
 * of bicubic and lanczos keep the sum of absolute values below 1.6, so |sum| < 255 * 1.6 * 2^22 < 2^31.
 */
export function resampleTable(size: number, outSize: number, resample: Exclude<Resample, 0>): ResampleTable {
  const key = `${size},${outSize},${resample}`;
  let table = tables.get(key);
  if (!table) {
    if (tables.size >= CACHED_TABLES) tables.clear();
    table = buildTable(size, outSize, FILTERS[resample]);
    tables.set(key, table);
  }
  return table;
}

/** The order of operations is Pillow's (`precompute_coeffs`), so that the doubles come out equal to the last bit. */
function buildTable(size: number, outSize: number, filter: Filter): ResampleTable {
  const scale = size / outSize;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * stride);
  const exact = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let i = 0; i < outSize; i += 1) {
    const center = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(size, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let j = low; j < high; j += 1) {
      const weight = filter.at((j - center + 0.5) * inverse);
      exact[j - low] = weight;
      sum += weight;
    }
    start[i] = low;
    count[i] = high - low;
    for (let j = 0; j < high - low; j += 1) {
      const weight = (sum === 0 ? exact[j]! : exact[j]! / sum) * ONE;
      weights[i * stride + j] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return { start, count, weights, stride };
}

/**
 * Source index of each output index for "nearest". Pillow adds the scale up step by step (`ImagingScaleAffine`), so
 * at some sizes the rounding differs from floor((i + 0.5) * scale).
 */
export function nearestSources(size: number, outSize: number): Int32Array {
  const scale = size / outSize;
  const sources = new Int32Array(outSize);
  let position = scale * 0.5;
  for (let i = 0; i < outSize; i += 1) {
    sources[i] = Math.min(size - 1, Math.trunc(position));
    position += scale;
  }
  return sources;
}
