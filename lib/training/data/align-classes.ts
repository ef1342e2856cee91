import { DataSetError } from '../error.ts';

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
