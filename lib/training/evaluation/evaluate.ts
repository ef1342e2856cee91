import { bitsPerPixel, classProbabilities } from '../../image-gpt/classification.ts';
import { createRandom } from '../../image-gpt/random.ts';
import { ImageGptError } from '../../ports/error.ts';
import type { ClassFunction, Objective } from '../../ports/model.ts';
import type { ForwardPool } from '../../runtime/forward-pool.ts';
import type { Output } from '../../runtime/session.ts';
import { bertMask } from '../bert-mask.ts';
import type { DataSet } from '../data/data-set.ts';
import { forwardRows } from './forward-rows.ts';
import { likeliestClasses, modalClass, type Scores, scoresOf } from './scores.ts';

export interface EvaluateOptions {
  objective: Objective;
  classFunction: ClassFunction;
  /**
   * BERT models only: how many masks each picture is read with. Each mask hides 15 % of the tokens, as in training. The
   * predictions of several masks vote. With 0 masks nothing is hidden, and there is no likelihood.
   */
  masks: number;
  /** Seed of the masks, and of ties among votes. */
  seed: number;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Evaluation {
  pictures: number;
  /** Mean over pictures and tokens; over masked tokens for BERT models. Undefined without a likelihood. */
  natsPerToken?: number | undefined;
  bitsPerPixel?: number | undefined;
  /** Undefined without labels or class head. */
  scores?: Scores | undefined;
}

/**
 * Measures a model on the pictures `rows`.
 *
 * @param pool opened for `classes`, `likelihood` or both
 * @param labels [N], classes of the model, for all rows of the data set; undefined: no accuracy
 * @throws ImageGptError `inference_failed` when the model's outputs are not finite
 */
export async function evaluate(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  labels: Int32Array | undefined,
  { objective, classFunction, masks, seed, onProgress }: EvaluateOptions,
): Promise<Evaluation> {
  const bert = objective === 'bert' && masks > 0;
  const passes = bert ? masks : 1;
  const nats: number[] = [];
  const votes: Int32Array[] = [];
  let summed: Float64Array | undefined;
  for (let pass = 0; pass < passes; pass++) {
    const mask = bert ? bertMask(rows, dataSet.tokensPerPicture, seed, pass) : undefined;
    const read = await onePass(pool, dataSet, rows, classFunction, mask, (done) => {
      onProgress?.(pass * rows.length + done, passes * rows.length);
    });
    const { probabilities } = read;
    if (read.nats !== undefined && (objective === 'ar' || bert)) nats.push(mean(read.nats));
    if (labels !== undefined && probabilities !== undefined) {
      votes.push(likeliestClasses(probabilities, rows.length));
      summed = summed === undefined ? probabilities : summed.map((p, i) => p + (probabilities[i] ?? 0));
    }
  }
  const natsPerToken = nats.length > 0 ? mean(nats) : undefined;
  const rowLabels = labels && Int32Array.from(rows, (row) => labels[row] ?? 0);
  return {
    pictures: rows.length,
    natsPerToken,
    bitsPerPixel: natsPerToken === undefined ? undefined : bitsPerPixel(natsPerToken),
    scores: rowLabels && summed && scoresOf(vote(votes, rows, seed), summed, rowLabels),
  };
}

interface Pass {
  /** [rows], nats per (masked) token. */
  nats: Float64Array | undefined;
  /** [rows, C] */
  probabilities: Float64Array | undefined;
}

async function onePass(
  pool: ForwardPool,
  dataSet: DataSet,
  rows: Uint32Array,
  classFunction: ClassFunction,
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
      const at = start + i;
      if (classes !== undefined) {
        const size = classes.data.length / count;
        probabilities ??= new Float64Array(rows.length * size);
        const row = classProbabilities(requireFinite(classes.data.subarray(i * size, (i + 1) * size)), classFunction);
        probabilities.set(row, at * size);
      }
      if (tokens !== undefined) {
        likelihood = true;
        const own = requireFinite(tokens.data.subarray(i * n, (i + 1) * n));
        nats[at] = meanNats(own, mask?.subarray(at * n, (at + 1) * n));
      }
    }
  };
  await forwardRows(pool, dataSet, rows, take, { mask, onProgress });
  return {
    nats: likelihood ? nats : undefined,
    probabilities,
  };
}

/** Mean over the tokens, or over the masked ones. */
function meanNats(tokens: Float32Array, mask: Uint8Array | undefined): number {
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

function requireFinite(values: Float32Array): Float32Array {
  if (values.every(Number.isFinite)) return values;
  throw new ImageGptError(
    'inference_failed',
    'expected finite numbers from the model, received others; its weights are damaged, or its training diverged: use an earlier checkpoint',
  );
}

/** Random stream of ties among votes, apart from other draws of the same seed. */
const voteStream = 0x707e;

function vote(votes: readonly Int32Array[], rows: Uint32Array, seed: number): Int32Array {
  const random = createRandom(seed, voteStream);
  return Int32Array.from(rows, (_, i) =>
    modalClass(
      votes.map((classes) => classes[i] ?? 0),
      random,
    ),
  );
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
