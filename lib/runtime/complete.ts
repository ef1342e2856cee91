import type { ImageGptModel } from '../graph/forward-graph.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { createRandom } from '../image-gpt/random.ts';
import { type SamplingOptions, sampleToken } from '../image-gpt/sampling.ts';
import type { Provider } from '../ports/model.ts';
import { openDecoder } from './decode.ts';
import { checkedTokens } from './forward.ts';

export interface CompleteOptions extends SamplingOptions {
  /** Tokens that are kept of each picture, k: 0 to n. */
  keep: number;
  /** Completions of each picture. */
  samples: number;
  /** Same seed, same completions. Default 0. */
  seed?: number;
  /** Threads at most; default 1. */
  threads?: number;
  /** Default `cpu`. */
  provider?: Provider;
  /** Called after every step with the tokens sampled so far, and those there will be in all. */
  onProgress?: (sampled: number, total: number) => void;
}

/** Samples side by side: from here on a step costs about as much for each sample as before. */
const MOST_AT_ONCE = 8;
/** One row is computed by another kernel than several, with other bits: a lone sample gets company. */
const FEWEST_AT_ONCE = 2;
/** Of the 2^32 streams of a seed, so many rows have streams of their own as have samples. */
const STREAMS_A_ROW = 2 ** 16;
/** Keys and values of all samples side by side, bytes. */
const CACHE_BYTES = 2 ** 31;

/**
 * Completes pictures as the paper's figure 1 does: keeps the first k of n tokens in raster order and samples the rest.
 * `tokens` [N, n]; returns [N, samples, n]. Sample s of row p has a generator of its own (seed, p, s): it depends neither
 * on how many samples there are nor on the other pictures, and rows of the same tokens get different samples.
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
      // The last batch is filled up with its last sample, whose copies are thrown away.
      const members = Array.from({ length: batch }, (_, i) => first + Math.min(i, count - 1));
      const randoms = members.map((sequence) => createRandom(seed, streamOf(sequence, samples)));
      const given = new Int32Array(batch * keep);
      members.forEach((sequence, i) => {
        given.set(completed.subarray(sequence * n, sequence * n + keep), i * keep);
      });
      let logits = await decoder.prime(given);
      for (let place = keep; place < n; place++) {
        const chosen = Int32Array.from(randoms, (random, i) =>
          sampleToken(logits.subarray(i * colors, (i + 1) * colors), options, random),
        );
        members.forEach((sequence, i) => {
          completed[sequence * n + place] = chosen[i] ?? 0;
        });
        sampled += count;
        onProgress(sampled, total);
        if (place + 1 < n) logits = await decoder.step(chosen);
      }
    }
  } finally {
    await decoder.close();
  }
  return completed;
}

/** Stream of sequence p * samples + s: it depends on the row p and the sample s, but not on the number of samples. */
function streamOf(sequence: number, samples: number): number {
  return Math.floor(sequence / samples) * STREAMS_A_ROW + (sequence % samples);
}

function samplesAtOnce({ n_layer, n_embd, n_positions }: ImageGptConfig, sequences: number): number {
  const bytesEach = 2 * n_layer * n_positions * n_embd * Float32Array.BYTES_PER_ELEMENT;
  const fitting = Math.floor(CACHE_BYTES / bytesEach);
  return Math.max(FEWEST_AT_ONCE, Math.min(MOST_AT_ONCE, fitting, sequences));
}
