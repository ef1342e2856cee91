import type { Resample } from '../ports/model.ts';

/**
 * Weights of one pass of a resize. Output pixel i is a weighted sum of `count[i]` source pixels, from `start[i]` on. Source
 * pixel j of these has the fixed-point weight `weights[i * stride + j]` with 22 fraction bits.
 */
export interface ResampleTable {
  start: Int32Array;
  count: Int32Array;
  weights: Int32Array;
  stride: number;
}

interface Filter {
  /** Radius before scaling (pixels). */
  support: number;
  at(x: number): number;
}

/** 1 in the fixed point of the weights. */
const one = 1 << 22;

/** Pillow's constants of the Hamming filter are C floats. */
const hammingMean = Math.fround(0.54);
const hammingCosine = Math.fround(0.46);

/** Filters by Pillow's number. Source: Pillow, src/libImaging/Resample.c. */
const filters: Record<Exclude<Resample, 0>, Filter> = {
  1: { support: 3, at: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, at: bicubic },
  4: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, at: hamming },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic convolution with a = -0.5. */
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
  return sinc(x) * (hammingMean + hammingCosine * Math.cos(x * Math.PI));
}

/** Most cached tables. A table from 4,000 to 32 pixels has 33 KB, so a full cache has about 2 MB. */
const cachedTables = 64;
const tables = new Map<string, ResampleTable>();

/**
 * Weights of one pass from `size` to `outSize` pixels. The table is cached, so callers must not change it.
 *
 * Sums of 8-bit pixels times these weights fit into 32 bits. The weights of a window add up to 1, and their absolute
 * values, with the negative lobes of bicubic and lanczos, to less than 1.6: |sum| < 255 * 1.6 * 2^22 < 2^31.
 */
export function resampleTable(size: number, outSize: number, resample: Exclude<Resample, 0>): ResampleTable {
  const key = `${size},${outSize},${resample}`;
  let table = tables.get(key);
  if (!table) {
    if (tables.size >= cachedTables) tables.clear();
    table = buildTable(size, outSize, filters[resample]);
    tables.set(key, table);
  }
  return table;
}

/** Computes in the order of Pillow's `precompute_coeffs`, so that the doubles are equal to the last bit. */
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
      const weight = (sum === 0 ? exact[j]! : exact[j]! / sum) * one;
      weights[i * stride + j] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return { start, count, weights, stride };
}

/**
 * Source index of each output index for the filter "nearest". Pillow adds the scale step by step (`ImagingScaleAffine`),
 * so at some sizes the result differs from floor((i + 0.5) * scale).
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
