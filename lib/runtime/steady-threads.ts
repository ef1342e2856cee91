import type { ImageGptConfig } from '../image-gpt/config.ts';

/** Columns of a matrix product that onnxruntime's CPU kernels (MLAS, sgemm.cpp) give to threads as a unit. */
const COLUMN_UNIT = 16;
/** From so many columns a thread on, the kernel adds up along k in the same steps: 80 is the first unit above 64. */
const STEADY_UNITS = 5;
/** Up to so many terms, a sum is never cut into steps. */
const STEP = 128;

/**
 * Threads, at most `wanted`, with which the model gives the same bits as with one. A product [rows, k] x [k, columns] is
 * shared out by rows, which changes nothing, unless it has more columns than rows; then a thread with few columns adds
 * up in other steps. `rows` is what the graph multiplies at a time: a strip of a picture, or the samples of a decoding
 * step.
 */
export function steadyThreads(config: ImageGptConfig, wanted: number, rows: number): number {
  const { n_embd: d, n_inner, n_colors } = config;
  const products = [
    { k: d, columns: d },
    { k: d, columns: 3 * d },
    { k: d, columns: n_inner },
    { k: n_inner, columns: d },
    { k: d, columns: n_colors },
  ];
  return products
    .filter(({ k, columns }) => columns > rows && k > STEP)
    .map(({ columns }) => Math.max(1, Math.floor(columns / COLUMN_UNIT / STEADY_UNITS)))
    .reduce((threads, most) => Math.min(threads, most), wanted);
}
