import { className, distinctNames } from '../../image-gpt/class-names.ts';
import { DataSetError } from '../error.ts';
import type { DataSet, LabelledDataSet } from './data-set.ts';

/** What a class head is trained on. */
export interface ClassHead {
  /** [N], classes of the head, for every row of the data set. */
  labels: Int32Array;
  /** Class names of a new head. Undefined when the model's own head is trained. */
  names?: readonly string[] | undefined;
}

/**
 * Maps the classes of a data set to those of a model's head, or makes a new head for them.
 *
 * @param rows rows to train on
 * @param modelClasses class names of the model's head; undefined: make a new head
 * @throws DataSetError `labels_mismatch`, `one_class`, `class_empty`
 */
export function chooseHead(
  dataSet: LabelledDataSet,
  rows: Uint32Array,
  modelClasses: readonly string[] | undefined,
): ClassHead {
  const { name, labels, classes } = dataSet;
  // Numbered classes go from 0 to the highest label, so some may have no pictures. An existing head can be trained anyway.
  if (modelClasses === undefined || !areNumbers(classes)) checkClasses(dataSet, rows);
  if (modelClasses === undefined) return { labels, names: classes };
  const [first = 0] = rows;
  if (rows.every((row) => labels[row] === labels[first])) {
    throw new DataSetError(
      'one_class',
      `expected labels of two or more classes, but ${name} has ${classes[labels[first] ?? 0]} only; add pictures of another class`,
    );
  }
  const advice = 'rename the folders, or add --new-head to replace the model’s class head';
  const aligned = alignClasses(name, classes, modelClasses, advice);
  return { labels: labels.map((label) => aligned[label] ?? 0) };
}

/**
 * Finds the model's class for each class of a data set, by name. A name that several classes of the model have is
 * refused; each of them is found by its distinct name, `crane (134)`. If the data set's classes are the numbers from 0 and
 * none of them is a name of the model's classes, they are taken as indices.
 *
 * @param advice what to do about classes without a match
 * @throws DataSetError `labels_mismatch`, `class_ambiguous`
 */
export function alignClasses(
  name: string,
  classes: readonly string[],
  modelClasses: readonly string[],
  advice = 'rename the folders, or add --likelihood-only',
): Int32Array {
  const modelNames = distinctNames(modelClasses);
  const indices = new Map(modelNames.map((label, i) => [className(label), i]));
  const byName = classes.map((label) => indices.get(className(label)) ?? -1);
  const unknown = classes.filter((_, i) => byName[i] === -1);
  if (unknown.length === 0) return Int32Array.from(byName);
  if (areNumbers(classes) && unknown.length === classes.length && classes.length <= modelClasses.length) {
    return Int32Array.from(classes, Number);
  }
  for (const label of unknown) {
    const same = modelNames.filter((_, i) => className(modelClasses[i] ?? '') === className(label));
    const alike = same.length > 0 ? same : modelNames.filter((other) => isNumbered(other, label));
    if (alike.length < 2) continue;
    throw new DataSetError(
      'class_ambiguous',
      `the model has ${alike.length} classes named ${label}, which a class of ${name} is named: rename it to ${alike.join(' or ')}`,
    );
  }
  const some = unknown.slice(0, shownNames).join(', ');
  throw new DataSetError(
    'labels_mismatch',
    `${unknown.length} of the ${classes.length} classes of ${name} are not among the model's ${modelClasses.length} (${some}${unknown.length > shownNames ? ', …' : ''}); expected names such as ${modelNames.slice(0, shownNames).join(', ')}; ${advice}`,
  );
}

/** Whether `other` is `label` with the number of its class, as in {@link distinctNames}. */
function isNumbered(other: string, label: string): boolean {
  return className(other).startsWith(`${className(label)} (`) && /\(\d+\)$/.test(other);
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
 * Refuses classes that no classifier can be trained on.
 *
 * @param rows rows to train on
 * @param least pictures that each class needs among `rows`
 * @throws DataSetError `one_class`, `class_empty`
 */
export function checkClasses({ name, labels, classes }: LabelledDataSet, rows: Uint32Array, least = 1): void {
  if (classes.length < 2) {
    throw new DataSetError(
      'one_class',
      `${name} has one class only, ${classes[0]}; expected two or more folders named by class, or labels of two or more classes`,
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

/** Class names that an error lists. */
const shownNames = 3;

/** True for the classes 0, 1, 2, … in any order: labels of an .npy file are numbers without names, and so may folders be. */
function areNumbers(classes: readonly string[]): boolean {
  return classes.every((label) => /^\d+$/.test(label)) && isRange(classes.map(Number));
}

function isRange(numbers: readonly number[]): boolean {
  return numbers.toSorted((a, b) => a - b).every((number, i) => number === i);
}
