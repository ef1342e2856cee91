import { DataSetError } from '../error.ts';
import type { LabelledDataSet } from './data-set.ts';

/** Names shown of those that have no match. */
const SHOWN = 3;

/**
 * The model's class for each class of a data set: by name; numbers that name no class of the model are its indices.
 *
 * @param advice what to do about classes without a match
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
  // Labels of an npy file have no names but their numbers.
  const numbered = classes.every((label, i) => label === String(i));
  if (numbered && unknown.length === classes.length && classes.length <= modelClasses.length) {
    return Int32Array.from(classes, (_, i) => i);
  }
  const some = unknown.slice(0, SHOWN).join(', ');
  throw new DataSetError(
    'labels_mismatch',
    `${unknown.length} of the ${classes.length} classes of ${name} are none of the model's ${modelClasses.length} (${some}${unknown.length > SHOWN ? ', …' : ''}); expected names such as ${modelClasses.slice(0, SHOWN).join(', ')}; ${advice}`,
  );
}

/**
 * Refuses what no classifier can be trained on.
 *
 * @param rows to train on
 * @param least pictures that every class needs among them
 * @throws DataSetError `one_class`, `class_empty`
 */
export function checkClasses({ name, labels, classes }: LabelledDataSet, rows: Uint32Array, least = 1): void {
  if (classes.length < 2) {
    throw new DataSetError(
      'one_class',
      `${name} has one class only, ${classes[0]}; expected two or more folders named by class, or labels of two or more`,
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
      `class ${classes[short]} of ${name} has ${counts[short]} pictures to train on, expected ${least} or more; add pictures, or leave the class out`,
    );
  }
}

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
