import { DataSetError } from '../error.ts';
import type { LabelledDataSet } from './data-set.ts';

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
