import { createRandom } from '../image-gpt/random.ts';
import type { TrainingBatch } from '../runtime/training-batch.ts';
import { bertMask, drawMask } from './bert-mask.ts';
import type { Augmenter } from './data/augment.ts';
import { type DataSet, gatherTokens } from './data/data-set.ts';
import type { RowOrder } from './data/split.ts';

/** Keep the draws of a purpose apart from those of everything else with the same seed ("augm", "mask"). */
const AUGMENT_STREAM = 0x6175676d;
const MASK_STREAM = 0x6d61736b;

export interface BatchOptions {
  /** Pictures in a batch. */
  batch: number;
  seed: number;
  /** Absent: pictures as they are. */
  augment?: Augmenter;
  /** Of every row of the data set, as classes of the model; absent: no class loss. */
  labels?: Int32Array;
  /** BERT models: `drawn` anew for each step, or the masks [N, n] of all rows. */
  mask?: 'drawn' | Uint8Array;
}

/**
 * The batch of a step, from 1. It is drawn from the seed and the step's number alone: a run that goes on after step s
 * needs no other state of a generator to get what it would have got.
 */
export function createBatchSource(
  dataSet: DataSet,
  order: RowOrder,
  { batch, seed, augment, ...inputs }: BatchOptions,
): (step: number) => TrainingBatch {
  return (step) => {
    const rows = order((step - 1) * batch, batch);
    const tokens =
      augment === undefined ? gatherTokens(dataSet, rows) : augment(rows, createRandom(seed ^ AUGMENT_STREAM, step));
    const drawn = () => drawMask(tokens.length, createRandom(seed ^ MASK_STREAM, step));
    return { tokens, ...inputsOf(dataSet, rows, inputs, drawn) };
  };
}

/** Batches of `rows` as they are, in order; masks are drawn for each picture, the same at every measurement. */
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

function inputsOf(
  { tokensPerPicture: n }: DataSet,
  rows: Uint32Array,
  { labels, mask }: Pick<BatchOptions, 'labels' | 'mask'>,
  drawn: () => Uint8Array,
): Pick<TrainingBatch, 'labels' | 'mask'> {
  const masks = mask === 'drawn' ? drawn() : mask && gatherMasks(mask, rows, n);
  return {
    ...(labels !== undefined && { labels: Int32Array.from(rows, (row) => labels[row] ?? 0) }),
    ...(masks !== undefined && { mask: masks }),
  };
}

function gatherMasks(masks: Uint8Array, rows: Uint32Array, n: number): Uint8Array {
  const gathered = new Uint8Array(rows.length * n);
  rows.forEach((row, i) => {
    gathered.set(masks.subarray(row * n, (row + 1) * n), i * n);
  });
  return gathered;
}
