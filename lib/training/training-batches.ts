import { createRandom } from '../image-gpt/random.ts';
import type { TrainingBatch } from '../runtime/training-batch.ts';
import { bertMask, drawMasks } from './bert-mask.ts';
import type { Augmenter } from './data/augment.ts';
import { type DataSet, gatherTokens } from './data/data-set.ts';
import type { RowOrder } from './data/split.ts';

/** Random streams of augmentation and of masks ("augm", "mask"), apart from other draws of the same seed. */
const augmentStream = 0x6175676d;
const maskStream = 0x6d61736b;

export interface BatchOptions {
  /** Pictures in a batch. */
  batch: number;
  seed: number;
  /** Default: pictures as they are. */
  augment?: Augmenter | undefined;
  /** [N], classes of the model, for every row of the data set. Default: no class loss. */
  labels?: Int32Array | undefined;
  /** BERT models only: `drawn` for each step, or the masks [N, n] of all rows. */
  mask?: 'drawn' | Uint8Array | undefined;
}

/**
 * Returns the batch of a step, counted from 1. A batch depends only on the seed and the step's number. So a training resumes
 * without a saved state of a generator.
 */
export function createBatchSource(
  dataSet: DataSet,
  order: RowOrder,
  { batch, seed, augment, ...inputs }: BatchOptions,
): (step: number) => TrainingBatch {
  return (step) => {
    const rows = order((step - 1) * batch, batch);
    const tokens =
      augment === undefined ? gatherTokens(dataSet, rows) : augment(rows, createRandom(seed ^ augmentStream, step));
    const drawn = () => {
      const random = createRandom(seed ^ maskStream, step);
      return drawMasks(rows.length, dataSet.tokensPerPicture, () => random);
    };
    return { tokens, ...inputsOf(dataSet, rows, inputs, drawn) };
  };
}

/** Batches of `rows` in order, without augmentation. Each picture has the same mask in every validation. */
export function validationBatches(
  dataSet: DataSet,
  rows: Uint32Array,
  { batch, seed, ...inputs }: Omit<BatchOptions, 'augment'>,
): TrainingBatch[] {
  const batches: TrainingBatch[] = [];
  for (let start = 0; start < rows.length; start += batch) {
    const part = rows.subarray(start, start + batch);
    const drawn = () => bertMask(part, dataSet.tokensPerPicture, seed, 0);
    batches.push({ tokens: gatherTokens(dataSet, part), ...inputsOf(dataSet, part, inputs, drawn) });
  }
  return batches;
}

/** @param drawn draws the masks of `rows` */
function inputsOf(
  { tokensPerPicture: n }: DataSet,
  rows: Uint32Array,
  { labels, mask }: Pick<BatchOptions, 'labels' | 'mask'>,
  drawn: () => Uint8Array,
): Pick<TrainingBatch, 'labels' | 'mask'> {
  return {
    labels: labels && Int32Array.from(rows, (row) => labels[row] ?? 0),
    mask: mask === 'drawn' ? drawn() : mask && gatherMasks(mask, rows, n),
  };
}

function gatherMasks(masks: Uint8Array, rows: Uint32Array, n: number): Uint8Array {
  const gathered = new Uint8Array(rows.length * n);
  rows.forEach((row, i) => {
    gathered.set(masks.subarray(row * n, (row + 1) * n), i * n);
  });
  return gathered;
}
