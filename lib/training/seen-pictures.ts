import type { TrainedOn } from '../checkpoint/trained-on.ts';
import type { DataSet } from './data/data-set.ts';
import { divide, type SplitOptions } from './data/split.ts';
import { sha256 } from './training-settings.ts';

/** The record of a training on a data set. */
export function trainingRecord(
  by: TrainedOn['by'],
  dataSet: DataSet,
  { validation, test, seed }: Required<SplitOptions>,
): TrainedOn {
  const shares = { validation_share: validation, test_share: test, split_seed: seed };
  return { by, ...hashes(dataSet), ...shares };
}

/** What a model may have seen of a data set. */
export interface Seen {
  /** How the last training on this very data set divided it. Undefined: no training on it is recorded. */
  split: Required<SplitOptions> | undefined;
  /** [N], 1: a recorded training has fitted this picture. */
  rows: Uint8Array;
  /** How many recorded trainings were on other data. That may hold the same pictures. */
  others: number;
}

/** @param records what the model was trained on */
export function seenPictures(dataSet: DataSet, records: readonly TrainedOn[]): Seen {
  const rows = new Uint8Array(dataSet.size);
  const { tokens, labels } = records.length === 0 ? { tokens: '', labels: '' } : hashes(dataSet);
  const isOwn = (record: TrainedOn): boolean =>
    // Without shares nothing is held out, whatever the labels.
    record.tokens === tokens && (record.labels === labels || record.validation_share + record.test_share === 0);
  let split: Required<SplitOptions> | undefined;
  for (const { by, validation_share: validation, test_share: test, split_seed: seed } of records.filter(isOwn)) {
    split = { validation, test, seed };
    const parts = divide(dataSet, split);
    for (const row of parts.train) rows[row] = 1;
    // A probe is fitted again on everything but the test pictures.
    if (by === 'probe') for (const row of parts.validation) rows[row] = 1;
  }
  return { split, rows, others: records.filter((record) => !isOwn(record)).length };
}

/** SHA-256 of the pictures, and of what decides how they are divided (hex). */
function hashes({ tokens, tokensPerPicture, labels, parts }: DataSet): Pick<TrainedOn, 'tokens' | 'labels'> {
  return {
    tokens: sha256(String(tokensPerPicture), tokens),
    labels: sha256(labels === undefined ? '' : 'labels', ...(labels ? [labels] : []), ...(parts ? [parts] : [])),
  };
}
