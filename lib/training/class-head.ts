import { alignClasses } from './data/align-classes.ts';
import { checkClasses } from './data/check-classes.ts';
import type { LabelledDataSet } from './data/data-set.ts';
import { DataSetError } from './error.ts';

/** What a class head is trained on. */
export interface ClassHead {
  /** Of every row of the data set, as classes of the head. */
  labels: Int32Array;
  /** Names of a new head's classes; absent: the model's head is trained on. */
  names?: readonly string[];
}

/**
 * Fits the classes of a data set to a model's head, or makes a new head for them.
 *
 * @param rows to train on
 * @param modelClasses of the model's head; absent: a new one
 * @throws DataSetError `labels_mismatch`, `one_class`, `class_empty`
 */
export function chooseHead(
  dataSet: LabelledDataSet,
  rows: Uint32Array,
  modelClasses: readonly string[] | undefined,
): ClassHead {
  const { name, labels, classes } = dataSet;
  // Numbers up to the highest are no list of classes that somebody made: with a head that is there, gaps are right.
  const numbered = classes.every((label, i) => label === String(i));
  if (modelClasses === undefined || !numbered) checkClasses(dataSet, rows);
  if (modelClasses === undefined) return { labels, names: classes };
  const [first = 0] = rows;
  if (rows.every((row) => labels[row] === labels[first])) {
    throw new DataSetError(
      'one_class',
      `${name} has one class only, ${classes[labels[first] ?? 0]}; expected labels of two or more`,
    );
  }
  const advice = 'rename the folders, or add --new-head to train a new class head in place of the model’s';
  const aligned = alignClasses(name, classes, modelClasses, advice);
  return { labels: labels.map((label) => aligned[label] ?? 0) };
}
