import { bitsPerPixel, softmax } from '../../image-gpt/classification.ts';
import { createRandom } from '../../image-gpt/random.ts';
import { ImageGptError } from '../../ports/error.ts';
import type { Objective } from '../../ports/model.ts';
import type { ForwardPool } from '../../runtime/forward-pool.ts';
import type { Output } from '../../runtime/session.ts';
import { bertMask } from '../bert-mask.ts';
import type { DataSet } from '../data/data-set.ts';
import { forwardRows } from './forward-rows.ts';
import { likeliestClasses, modalClass, type Scores, scoresOf } from './scores.ts';

export interface EvaluateOptions {
  objective: Objective;
  /**
   * Masks a picture is read with, for BERT models: one or more hide 15 % of the tokens each, as in training; 0 hides
   * nothing, and gives no likelihood. Several vote.
   */
  masks: number;
  /** Of masks and of ties among votes. */
  seed: number;
  onProgress?: (done: number, total: number) => void;
}

export interface Evaluation {
  pictures: number;
  /** Mean over pictures and tokens; of the masked tokens for BERT models. Absent where the model has no likelihood. */
  natsPerToken?: number;
  bitsPerPixel?: number;
  /** Absent without labels or class head. */
  scores?: Scores;
}

/**
 * Measures a model on the pictures `rows`.
 *
 * @param pool opened for `classes`, `likelihood` or both
 * @param labels of all rows of the data set, as classes of the model; absent: no accuracy
 * @throws ImageGptError `inference_failed` when the model gives numbers that are none
 */
export async function evaluate(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  labels: Int32Array | undefined,
  { objective, masks, seed, onProgress }: EvaluateOptions,
): Promise<Evaluation> {
  const bert = objective === 'bert' && masks > 0;
  const passes = bert ? masks : 1;
  const nats: number[] = [];
  const votes: Int32Array[] = [];
  let scores: Float64Array | undefined;
  for (let pass = 0; pass < passes; pass++) {
    const mask = bert ? bertMask(rows, dataSet.tokensPerPicture, seed, pass) : undefined;
    const read = await onePass(pool, dataSet, rows, mask, (done) => {
      onProgress?.(pass * rows.length + done, passes * rows.length);
    });
    if (read.nats !== undefined && (objective === 'ar' || bert)) nats.push(mean(read.nats));
    if (labels !== undefined && read.probabilities !== undefined) {
      votes.push(likeliestClasses(read.probabilities, rows.length));
      const sum = scores;
      scores = sum === undefined ? read.probabilities : sum.map((p, i) => p + (read.probabilities?.[i] ?? 0));
    }
  }
  const natsPerToken = nats.length > 0 ? mean(nats) : undefined;
  return {
    pictures: rows.length,
    ...(natsPerToken !== undefined && { natsPerToken, bitsPerPixel: bitsPerPixel(natsPerToken) }),
    ...(labels !== undefined &&
      scores !== undefined && {
        scores: scoresOf(
          vote(votes, rows, seed),
          scores,
          Int32Array.from(rows, (row) => labels[row] ?? 0),
        ),
      }),
  };
}

interface Pass {
  /** [rows], nats per (masked) token; pictures without a masked token are left out. */
  nats?: number[];
  /** [rows, C] */
  probabilities?: Float64Array;
}

async function onePass(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  mask: Uint8Array | undefined,
  onProgress: (done: number) => void,
): Promise<Pass> {
  const n = dataSet.tokensPerPicture;
  const nats = new Float64Array(rows.length);
  let probabilities: Float64Array | undefined;
  let likelihood = false;
  const take = (start: number, count: number, outputs: ReadonlyMap<string, Output>): void => {
    const classes = outputs.get('classes');
    const tokens = outputs.get('likelihood');
    for (let i = 0; i < count; i++) {
      if (classes !== undefined) {
        const size = classes.data.length / count;
        probabilities ??= new Float64Array(rows.length * size);
        const row = softmax(finite(classes.data.subarray(i * size, (i + 1) * size)));
        probabilities.set(row, (start + i) * size);
      }
      if (tokens !== undefined) {
        likelihood = true;
        const at = start + i;
        nats[at] = natsOf(finite(tokens.data.subarray(i * n, (i + 1) * n)), mask?.subarray(at * n, (at + 1) * n));
      }
    }
  };
  await forwardRows(pool, dataSet, rows, take, { ...(mask && { mask }), onProgress });
  return {
    ...(likelihood ? { nats: Array.from(nats).filter((value) => !Number.isNaN(value)) } : {}),
    ...(probabilities === undefined ? {} : { probabilities }),
  };
}

/** Mean over the tokens, or over the masked ones; NaN where none is masked: the loss has no value there. */
function natsOf(tokens: Float32Array, mask: Uint8Array | undefined): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < tokens.length; i++) {
    if (mask === undefined || mask[i] === 1) {
      sum += tokens[i] ?? 0;
      count += 1;
    }
  }
  return sum / count;
}

function finite(values: Float32Array): Float32Array {
  if (values.every(Number.isFinite)) return values;
  throw new ImageGptError(
    'inference_failed',
    'the model gave numbers that are not finite; its weights are damaged, or training diverged: use an earlier checkpoint',
  );
}

/** Keeps the draws among tied votes apart from those of everything else with the same seed. */
const VOTE_STREAM = 0x707e;

function vote(votes: readonly Int32Array[], rows: Uint32Array, seed: number): Int32Array {
  const random = createRandom(seed, VOTE_STREAM);
  return Int32Array.from(rows, (_, i) =>
    modalClass(
      votes.map((said) => said[i] ?? 0),
      random,
    ),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
