import { DataSetError } from '../error.ts';
import type { DataSet, LabelledDataSet } from './data-set.ts';

/** Most class names in a message. */
const shownNames = 3;

/**
 * The model's class for each class of a data set. Classes match by name; if they are numbers and no name matches, they
 * are indices.
 *
 * @param advice for the error: what to do about classes without a match
 * @throws DataSetError `labels_mismatch`
 */
export function alignClasses(
  name: string,
  classes: readonly string[],
  modelClasses: readonly string[],
  advice = 'rename the folders, or add --likelihood-only',
): Int32Array {
  const indices = new Map(modelClasses.map((label, i) => [label, i]));
  const byName = classes.map((label) => indices.get(label) ?? -1);
  const unknown = classes.filter((_, i) => byName[i] === -1);
  if (unknown.length === 0) return Int32Array.from(byName);
  // Labels of an npy file have numbers instead of names.
  const numbered = classes.every((label, i) => label === String(i));
  if (numbered && unknown.length === classes.length && classes.length <= modelClasses.length) {
    return Int32Array.from(classes, (_, i) => i);
  }
  const some = unknown.slice(0, shownNames).join(', ');
  throw new DataSetError(
    'labels_mismatch',
    `${unknown.length} of the ${classes.length} classes of ${name} are none of the model's ${modelClasses.length} (${some}${unknown.length > shownNames ? ', …' : ''}); expected names such as ${modelClasses.slice(0, shownNames).join(', ')}; ${advice}`,
  );
}

/**
 * Labels [N] of a data set as classes of a model; undefined without labels or without classes of the model.
 *
 * @throws DataSetError `labels_mismatch`
 */
export function labelsAsClasses(
  { name, labels, classes }: DataSet,
  modelClasses: readonly string[],
): Int32Array | undefined {
  if (modelClasses.length === 0 || labels === undefined) return undefined;
  const aligned = alignClasses(name, classes, modelClasses);
  return labels.map((label) => aligned[label] ?? 0);
}

/**
 * Refuses data that no classifier can be trained on.
 *
 * @param rows to train on
 * @param least pictures that each class needs among the rows
 * @throws DataSetError `one_class`, `class_empty`
 */
export function checkClasses({ name, labels, classes }: LabelledDataSet, rows: Uint32Array, least = 1): void {
  if (classes.length < 2) {
    throw new DataSetError(
      'one_class',
      `${name} has only one class, ${classes[0]}; expected two or more folders named by class, or labels of two or more classes`,
    );
  }
  const counts = new Uint32Array(classes.length);
  for (const row of rows) {
    const label = labels[row] ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  const short = counts.findIndex((count) => count < least);
  if (short >= 0) {
    throw new DataSetError(
      'class_empty',
      `class ${classes[short]} of ${name} has ${counts[short]} pictures to train on, expected ${least} or more; add pictures, or remove the class`,
    );
  }
}

/** Labels for a class head. */
export interface ClassHead {
  /** Labels [N] of the data set, as classes of the head. */
  labels: Int32Array;
  /** Class names of a new head. Absent: the model's own head is trained further. */
  names?: readonly string[];
}

/**
 * Matches the classes of a data set to a model's head, or chooses a new head for them.
 *
 * @param rows to train on
 * @param modelClasses class names of the model's head; absent: choose a new head
 * @throws DataSetError `labels_mismatch`, `one_class`, `class_empty`
 */
export function chooseHead(
  dataSet: LabelledDataSet,
  rows: Uint32Array,
  modelClasses: readonly string[] | undefined,
): ClassHead {
  const { name, labels, classes } = dataSet;
  // Classes that are only numbers may have gaps: with an existing head, some of its classes may be missing.
  const numbered = classes.every((label, i) => label === String(i));
  if (modelClasses === undefined || !numbered) checkClasses(dataSet, rows);
  if (modelClasses === undefined) return { labels, names: classes };
  const [first = 0] = rows;
  if (rows.every((row) => labels[row] === labels[first])) {
    throw new DataSetError(
      'one_class',
      `${name} has only one class, ${classes[labels[first] ?? 0]}; expected labels of two or more classes`,
    );
  }
  const advice = 'rename the folders, or add --new-head to train a new class head in place of the model’s';
  const aligned = alignClasses(name, classes, modelClasses, advice);
  return { labels: labels.map((label) => aligned[label] ?? 0) };
}
