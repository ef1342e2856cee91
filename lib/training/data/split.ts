import { createRandom, type Random } from '../../image-gpt/random.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, PARTS } from './data-set.ts';

/** Row numbers of each part, ascending. */
export interface Split {
  train: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

export interface SplitOptions {
  /** Share of the training pictures that is held out to choose by. Default 0.1, the paper's for CIFAR-10. */
  validation?: number;
  /** Share that is held out to measure by, where the source has no test part of its own. Default 0.1. */
  test?: number;
  /** Default 0. */
  seed?: number;
}

export const DEFAULT_VALIDATION_SHARE = 0.1;
export const DEFAULT_TEST_SHARE = 0.1;

/** Keeps the draws of a split apart from those of everything else with the same seed. */
const SPLIT_STREAM = 0x5_917;

/**
 * Divides a data set. Parts of the source's own stay what they are; the rest is drawn, the same for the same seed, and
 * from each class in proportion (rounded), so that a small class keeps pictures in each part.
 *
 * @throws DataSetError `data_set_empty` when nothing is left to train on
 */
export function splitDataSet(dataSet: DataSet, options: SplitOptions = {}): Split {
  const { validation = DEFAULT_VALIDATION_SHARE, test = DEFAULT_TEST_SHARE, seed = 0 } = options;
  const random = createRandom(seed, SPLIT_STREAM);
  const own = ownParts(dataSet);
  // Shares are of the whole, so both are drawn from the same shuffled rows.
  const testShare = own.test.length > 0 ? 0 : test;
  const validationShare = own.validation.length > 0 ? 0 : validation;
  const train: number[] = [];
  for (const rows of rowsByClass(dataSet, own.train)) {
    shuffle(rows, random);
    const testEnd = Math.round(rows.length * testShare);
    const validationEnd = testEnd + Math.round(rows.length * validationShare);
    own.test.push(...rows.slice(0, testEnd));
    own.validation.push(...rows.slice(testEnd, validationEnd));
    train.push(...rows.slice(validationEnd));
  }
  if (train.length === 0) {
    throw new DataSetError(
      'data_set_empty',
      `${dataSet.name} has ${dataSet.size} pictures, and none is left to train on; give more, or hold out a smaller share`,
    );
  }
  return { train: ascending(train), validation: ascending(own.validation), test: ascending(own.test) };
}

function ownParts({ parts, size }: DataSet): { train: number[]; validation: number[]; test: number[] } {
  const own = { train: [] as number[], validation: [] as number[], test: [] as number[] };
  for (let row = 0; row < size; row++) {
    own[PARTS[parts?.[row] ?? 0] ?? 'train'].push(row);
  }
  return own;
}

/** `rows` in one list for each class, in the order of the classes; one list without labels. */
function rowsByClass({ labels, classes }: DataSet, rows: readonly number[]): number[][] {
  if (labels === undefined) return [[...rows]];
  const lists = classes.map((): number[] => []);
  for (const row of rows) {
    lists[labels[row] ?? 0]?.push(row);
  }
  return lists;
}

/** Fisher and Yates' shuffle, in place. */
export function shuffle(items: number[] | Uint32Array, random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const item = items[i] ?? 0;
    items[i] = items[j] ?? 0;
    items[j] = item;
  }
}

function ascending(rows: readonly number[]): Uint32Array {
  return Uint32Array.from(rows).sort();
}

/** Keeps these draws apart from those of everything else with the same seed ("some"). */
const SOME_STREAM = 0x736f6d65;

/** At most `most` of `rows`, ascending, drawn by the seed: rows are often sorted by class. */
export function someRows(rows: Uint32Array, most: number, seed: number): Uint32Array {
  if (rows.length <= most) return rows;
  const drawn = Uint32Array.from(rows);
  shuffle(drawn, createRandom(seed, SOME_STREAM));
  return drawn.slice(0, most).sort();
}

/** Keeps the draws of the order apart from those of everything else with the same seed ("orde"). */
const ORDER_STREAM = 0x6f726465;

/** Rows `start` to `start + count` of an endless sequence: epoch after epoch, each with every row once. */
export type RowOrder = (start: number, count: number) => Uint32Array;

/**
 * The order that pictures are trained in. Each epoch is shuffled by the seed and its number alone, so that a place in
 * the sequence is all that has to be kept to go on from it.
 */
export function createRowOrder(rows: Uint32Array, seed: number, shuffled: boolean): RowOrder {
  let known: { epoch: number; rows: Uint32Array } | undefined;
  function rowsOf(epoch: number): Uint32Array {
    if (!shuffled) return rows;
    if (known?.epoch !== epoch) {
      known = { epoch, rows: Uint32Array.from(rows) };
      shuffle(known.rows, createRandom(seed ^ ORDER_STREAM, epoch));
    }
    return known.rows;
  }
  return (start, count) =>
    Uint32Array.from({ length: count }, (_, i) => {
      const at = start + i;
      return rowsOf(Math.floor(at / rows.length))[at % rows.length] ?? 0;
    });
}
