import type { ImageGptModel } from '../graph/forward-graph.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { createRandom } from '../image-gpt/random.ts';
import { type SamplingOptions, sampleToken } from '../image-gpt/sampling.ts';
import { openDecoder } from './decode.ts';
import { checkedTokens } from './forward.ts';

export interface CompleteOptions extends SamplingOptions {
  /** Tokens kept of each picture, k: 0 to n. */
  keep: number;
  /** Completions of each picture. */
  samples: number;
  /** The same seed gives the same completions (default 0). */
  seed?: number | undefined;
  /** Largest number of threads (default 1). */
  threads?: number | undefined;
  /** Called after every step with the number of tokens sampled so far and in all. */
  onProgress?: (sampled: number, total: number) => void;
}

/** Largest number of samples in a batch. A larger batch takes no less time per sample. */
const mostAtOnce = 8;
/** onnxruntime computes a single row by another kernel, with other bits, so a batch has at least two samples. */
const fewestAtOnce = 2;
/** Random streams of each row: half of the 32-bit stream number is for the row, half for the sample. */
const streamsPerRow = 2 ** 16;
/** Largest memory for the keys and values of a batch (bytes). */
const cacheBytes = 2 ** 31;

/**
 * Completes pictures as in figure 1 of the paper: keeps the first k of n tokens in raster order and samples the others.
 * `tokens` [N, n]; returns [N, samples, n]. Sample s of row p has its own generator (seed, p, s). So it depends neither
 * on the number of samples nor on other pictures, and rows of equal tokens get different samples.
 *
 * @throws GraphError, RuntimeError
 */
export async function complete(
  model: ImageGptModel,
  tokens: Int32Array | Uint16Array,
  options: CompleteOptions,
): Promise<Uint16Array> {
  const { config } = model;
  const { n_positions: n, n_colors: colors } = config;
  const { keep, samples, seed = 0, onProgress = () => {} } = options;
  const pictures = checkedTokens(tokens, n, colors);
  const sequences = (pictures.length / n) * samples;
  const completed = new Uint16Array(sequences * n);
  for (let i = 0; i < sequences; i++) {
    const picture = Math.floor(i / samples);
    completed.set(pictures.subarray(picture * n, picture * n + keep), i * n);
  }
  if (keep === n) return completed;

  const batch = samplesAtOnce(config, sequences);
  const total = sequences * (n - keep);
  let sampled = 0;
  const decoder = await openDecoder(model, { ...options, batch });
  try {
    for (let first = 0; first < sequences; first += batch) {
      const count = Math.min(batch, sequences - first);
      // Copies of the last sample fill up the last batch; their results are dropped.
      const members = Array.from({ length: batch }, (_, i) => first + Math.min(i, count - 1));
      const randoms = members.map((sequence) => createRandom(seed, streamOf(sequence, samples)));
      const given = new Int32Array(batch * keep);
      members.forEach((sequence, i) => {
        given.set(completed.subarray(sequence * n, sequence * n + keep), i * keep);
      });
      let logits = await decoder.prime(given);
      for (let position = keep; position < n; position++) {
        const chosen = Int32Array.from(randoms, (random, i) =>
          sampleToken(logits.subarray(i * colors, (i + 1) * colors), options, random),
        );
        members.forEach((sequence, i) => {
          completed[sequence * n + position] = chosen[i] ?? 0;
        });
        sampled += count;
        onProgress(sampled, total);
        if (position + 1 < n) logits = await decoder.step(chosen);
      }
    }
  } finally {
    await decoder.close();
  }
  return completed;
}

/** Stream of sequence p * samples + s. It depends on the row p and the sample s, not on the number of samples. */
function streamOf(sequence: number, samples: number): number {
  return Math.floor(sequence / samples) * streamsPerRow + (sequence % samples);
}

function samplesAtOnce({ n_layer, n_embd, n_positions }: ImageGptConfig, sequences: number): number {
  const bytesEach = 2 * n_layer * n_positions * n_embd * Float32Array.BYTES_PER_ELEMENT;
  const fitting = Math.floor(cacheBytes / bytesEach);
  return Math.max(fewestAtOnce, Math.min(mostAtOnce, fitting, sequences));
}
