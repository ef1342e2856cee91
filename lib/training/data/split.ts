import { createRandom, type Random } from '../../image-gpt/random.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, partNames } from './data-set.ts';

/** Row numbers of each part, ascending. */
export interface Split {
  train: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

export interface SplitOptions {
  /** Share of the pictures held out to choose by (default 0.1, as in the iGPT paper). Unused if the source has this part. */
  validation?: number;
  /** Share of the pictures held out to measure the final model (default 0.1). Unused if the source has this part. */
  test?: number;
  /** Default 0. */
  seed?: number;
}

export const defaultValidationShare = 0.1;
export const defaultTestShare = 0.1;

/** Random stream of a split, apart from other draws of the same seed. */
const splitStream = 0x5_917;

/**
 * Divides a data set to train on it, as {@link divide} does.
 *
 * @throws DataSetError `data_set_empty` when no picture is left to train on
 */
export function splitDataSet(dataSet: DataSet, options: SplitOptions = {}): Split {
  const split = divide(dataSet, options);
  if (split.train.length === 0) {
    throw new DataSetError(
      'data_set_empty',
      `expected pictures to train on, but ${dataSet.name} has ${dataSet.size} pictures and all are held out; add pictures, or hold out a smaller share`,
    );
  }
  return split;
}

/**
 * Divides a data set into parts. Parts of the source stay as they are. The other rows are drawn, the same for the same
 * seed. Each class is divided in proportion (rounded), so that a small class has pictures in each part.
 */
export function divide(dataSet: DataSet, options: SplitOptions = {}): Split {
  const { validation = defaultValidationShare, test = defaultTestShare, seed = 0 } = options;
  const random = createRandom(seed, splitStream);
  const own = ownParts(dataSet);
  // Both shares are of all rows, so both are taken from the same shuffled rows.
  const testShare = own.test.length > 0 ? 0 : test;
  const validationShare = own.validation.length > 0 ? 0 : validation;
  const train: number[] = [];
  for (const rows of rowsByClass(dataSet, own.train)) {
    shuffle(rows, random);
    const testEnd = Math.round(rows.length * testShare);
    const validationEnd = testEnd + Math.round(rows.length * validationShare);
    // One by one: a call with a million arguments overflows the stack.
    rows.forEach((row, i) => {
      (i < testEnd ? own.test : i < validationEnd ? own.validation : train).push(row);
    });
  }
  return { train: ascending(train), validation: ascending(own.validation), test: ascending(own.test) };
}

/** Random stream of {@link someRows} ("some"), apart from other draws of the same seed. */
const someStream = 0x736f6d65;

/** Parts that an evaluation can measure. */
export const evaluatedParts = ['all', ...partNames] as const;

/**
 * Rows to measure.
 *
 * @param wanted default: what training holds out: the test part, else the validation part; all rows if it holds out none
 * @throws DataSetError `data_set_empty` for a part without pictures
 */
export function rowsOfPart(
  dataSet: DataSet,
  wanted: (typeof evaluatedParts)[number] | undefined,
  options: SplitOptions,
): { part: (typeof evaluatedParts)[number]; rows: Uint32Array } {
  const split = divide(dataSet, options);
  const heldOut = (['test', 'validation'] as const).find((name) => split[name].length > 0);
  const part = wanted ?? heldOut ?? 'all';
  const rows = part === 'all' ? Uint32Array.from({ length: dataSet.size }, (_, i) => i) : split[part];
  if (rows.length === 0) {
    throw new DataSetError('data_set_empty', `the ${part} part of ${dataSet.name} has no pictures; give --part all`);
  }
  return { part, rows };
}

/** At most `most` of `rows`, ascending, the same for the same seed. They are drawn, because rows are often sorted by class. */
export function someRows(rows: Uint32Array, most: number, seed: number): Uint32Array {
  if (rows.length <= most) return rows;
  const drawn = Uint32Array.from(rows);
  shuffle(drawn, createRandom(seed, someStream));
  return drawn.slice(0, most).sort();
}

/** Rows `start` to `start + count` of an endless sequence of epochs. Each epoch has every row once. */
export type RowOrder = (start: number, count: number) => Uint32Array;

/** Random stream of {@link createRowOrder} ("orde"), apart from other draws of the same seed. */
const orderStream = 0x6f726465;

/**
 * The order of training pictures. The order of an epoch depends on the seed and the epoch's number only, so that a
 * training resumes from its position in the sequence.
 */
export function createRowOrder(rows: Uint32Array, seed: number, shuffled: boolean): RowOrder {
  let known: { epoch: number; rows: Uint32Array } | undefined;
  function rowsOf(epoch: number): Uint32Array {
    if (!shuffled) return rows;
    if (known?.epoch !== epoch) {
      known = { epoch, rows: Uint32Array.from(rows) };
      shuffle(known.rows, createRandom(seed ^ orderStream, epoch));
    }
    return known.rows;
  }
  return (start, count) =>
    Uint32Array.from({ length: count }, (_, i) => {
      const at = start + i;
      return rowsOf(Math.floor(at / rows.length))[at % rows.length] ?? 0;
    });
}

/** Fisher-Yates shuffle, in place. */
export function shuffle(items: number[] | Uint32Array, random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const item = items[i] ?? 0;
    items[i] = items[j] ?? 0;
    items[j] = item;
  }
}

/** Rows of each part of the source; all rows are `train` when it has no parts. */
function ownParts({ parts, size }: DataSet): { train: number[]; validation: number[]; test: number[] } {
  const own = { train: [] as number[], validation: [] as number[], test: [] as number[] };
  for (let row = 0; row < size; row++) {
    own[partNames[parts?.[row] ?? 0] ?? 'train'].push(row);
  }
  return own;
}

/** One list of rows for each class, in the order of the classes; a single list without labels. */
function rowsByClass({ labels, classes }: DataSet, rows: readonly number[]): number[][] {
  if (labels === undefined) return [[...rows]];
  const lists = classes.map((): number[] => []);
  for (const row of rows) {
    lists[labels[row] ?? 0]?.push(row);
  }
  return lists;
}

function ascending(rows: readonly number[]): Uint32Array {
  return Uint32Array.from(rows).sort();
}
