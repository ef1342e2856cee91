import { type DataSet, partNames } from '../../training/data/data-set.ts';
import type { rowsOfPart, SplitOptions } from '../../training/data/split.ts';
import type { Seen } from '../../training/seen-pictures.ts';
import { printable } from './text.ts';

/** The pictures that an evaluation measures. */
export interface MeasuredPictures extends ReturnType<typeof rowsOfPart> {
  dataSet: DataSet;
  split: Required<SplitOptions>;
  seen: Seen;
}

/** `test part: 12 of 120 pictures, held out by split seed 0`. */
export function whichPictures({ part, rows, dataSet, split }: MeasuredPictures): string {
  if (part === 'all') return `all ${rows.length} pictures`;
  const own = dataSet.parts?.includes(partNames.indexOf(part)) === true;
  const heldOut = own ? `a part of ${printable(dataSet.name)} itself` : `held out with split seed ${split.seed}`;
  return `${part} part: ${rows.length} of ${dataSet.size} pictures, ${part === 'train' ? 'not held out' : heldOut}`;
}

/** Rows of the table: which pictures were measured, and whether the model may have seen them. */
export function measuredRows(measured: MeasuredPictures): string[][] {
  return [
    ['which pictures', whichPictures(measured)],
    ['seen in training', whetherSeen(measured)],
  ];
}

/** The same for `--json`. `seen_in_training`: how many; null when it is not known. */
export function measuredJson(measured: MeasuredPictures): object {
  const { part, dataSet, split, seen } = measured;
  return {
    part,
    pictures_in_data_set: dataSet.size,
    split: { validation_share: split.validation, test_share: split.test, seed: split.seed },
    seen_in_training: seen.split === undefined ? null : seenCount(measured),
    trainings_on_other_data: seen.others,
  };
}

function whetherSeen(measured: MeasuredPictures): string {
  const { rows, seen, part } = measured;
  if (seen.split === undefined) {
    return seen.others === 0
      ? 'not known: the model does not say what it was trained on'
      : 'not known: the model was trained on other data, or on this data before it changed';
  }
  const count = seenCount(measured);
  const chosen = part === 'validation' ? '; this part chose the model' : '';
  // What the first model was trained on, by others, is in no record.
  const own = `${count === 0 ? 'none' : `${count} of ${rows.length}`}, by the model’s record${chosen}`;
  return seen.others === 0 ? own : `${own}; it was trained on other data, too`;
}

function seenCount({ rows, seen }: MeasuredPictures): number {
  return rows.filter((row) => seen.rows[row] === 1).length;
}
