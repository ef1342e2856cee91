import { DataSetError } from '../error.ts';

/** Pictures of a source at its own resolution, all of one size. */
export interface Originals {
  /** [N, height, width, 3] */
  rgb: Uint8Array;
  width: number;
  height: number;
}

/** Pictures as tokens, all in memory. */
export interface DataSet {
  /** For words only: cifar10, the folder's or file's name. */
  name: string;
  /** N */
  size: number;
  /** n */
  tokensPerPicture: number;
  /** [N, n] in raster order, without SOS. */
  tokens: Uint16Array;
  /** [N], 0..C-1. Absent: unlabelled. */
  labels?: Int32Array;
  /** Names of the classes, C; none when unlabelled. */
  classes: readonly string[];
  /** [N], a {@link PARTS} index, where the source itself divides. */
  parts?: Uint8Array;
  /** Pictures that were left out, by failure code. */
  skipped: Readonly<Record<string, number>>;
  /** Read when first asked for. Absent: the source is known by its tokens only. */
  originals?: () => Promise<Originals>;
}

export interface LabelledDataSet extends DataSet {
  labels: Int32Array;
}

/** Names of the parts that {@link DataSet.parts} counts. */
export const PARTS = ['train', 'validation', 'test'] as const;

export type Part = (typeof PARTS)[number];

/**
 * The data set, if its pictures have classes.
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

/** Tokens [b, n] of `rows`, in their order. */
export function gatherTokens({ tokens, tokensPerPicture: n }: DataSet, rows: ArrayLike<number>): Uint16Array {
  const gathered = new Uint16Array(rows.length * n);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    gathered.set(tokens.subarray(row * n, (row + 1) * n), i * n);
  }
  return gathered;
}

/**
 * A data set of tokens that were made elsewhere.
 *
 * @param tokens [N, n], already checked against the palette
 * @param labels [N]; classes are then named by their numbers
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
    throw new DataSetError('data_set_empty', `${name} has no pictures; expected one or more rows`);
  }
  const base = { name, size, tokensPerPicture, tokens, skipped: {} };
  return labels === undefined ? { ...base, classes: [] } : { ...base, ...numberedClasses(name, labels, size) };
}

function numberedClasses(
  name: string,
  labels: ArrayLike<number>,
  size: number,
): { labels: Int32Array; classes: string[] } {
  if (labels.length !== size) {
    throw new DataSetError(
      'labels_mismatch',
      `labels of ${name}: expected ${size} labels, one for each picture, got ${labels.length}`,
    );
  }
  const checked = Int32Array.from(labels);
  const wrong = checked.findIndex((label, i) => label !== labels[i] || label < 0 || label >= MAX_CLASSES);
  if (wrong >= 0) {
    throw new DataSetError(
      'labels_mismatch',
      `labels of ${name}: expected 0 to ${MAX_CLASSES - 1}, got ${labels[wrong]} for picture ${wrong}`,
    );
  }
  const highest = checked.reduce((a, b) => Math.max(a, b), 0);
  return { labels: checked, classes: Array.from({ length: highest + 1 }, (_, i) => String(i)) };
}

/** ImageNet's full set has 21,841 classes; a larger number is a mistake that would cost memory for each class up to it. */
const MAX_CLASSES = 65_536;
