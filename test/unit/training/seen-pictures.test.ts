import { describe, expect, test } from 'vitest';
import { type DataSet, tokenDataSet } from '../../../lib/training/data/data-set.ts';
import { splitDataSet } from '../../../lib/training/data/split.ts';
import { seenPictures, trainingRecord } from '../../../lib/training/seen-pictures.ts';

describe('the pictures that a model has seen', () => {
  const dataSet = tokenDataSet(
    'x',
    Uint16Array.from({ length: 100 }, (_, i) => i),
    1,
  );
  const shares = { validation: 0.1, test: 0.2, seed: 5 };
  const count = (rows: Uint8Array) => rows.reduce((a, b) => a + b, 0);

  test('are those that training fitted: the training part, and for a probe the validation part', () => {
    const trained = seenPictures(dataSet, [trainingRecord('train', dataSet, shares)]);
    expect(trained.split).toEqual(shares);
    expect([...trained.rows.keys()].filter((row) => trained.rows[row] === 1)).toEqual([
      ...splitDataSet(dataSet, shares).train,
    ]);
    expect(count(trained.rows)).toBe(70);
    expect(count(seenPictures(dataSet, [trainingRecord('probe', dataSet, shares)]).rows)).toBe(80);
  });

  test('are those of all trainings; the last one says how the data set is divided', () => {
    const first = trainingRecord('train', dataSet, { ...shares, seed: 1 });
    const both = seenPictures(dataSet, [first, trainingRecord('train', dataSet, shares)]);
    expect(both.split?.seed).toBe(5);
    expect(count(both.rows)).toBeGreaterThan(70);
  });

  test('are not known of a data set with other tokens, labels or parts', () => {
    const records = [trainingRecord('train', dataSet, shares)];
    const others: DataSet[] = [
      { ...dataSet, tokens: dataSet.tokens.with(3, 0) },
      { ...dataSet, parts: new Uint8Array(100) },
      { ...dataSet, labels: new Int32Array(100), classes: ['a'] },
    ];
    for (const other of others) {
      expect(seenPictures(other, records)).toMatchObject({ split: undefined, others: 1 });
      expect(count(seenPictures(other, records).rows)).toBe(0);
    }
    // A training on all tokens has seen all pictures, whatever their labels.
    const whole = [trainingRecord('train', dataSet, { validation: 0, test: 0, seed: 0 })];
    expect(count(seenPictures({ ...dataSet, labels: new Int32Array(100), classes: ['a'] }, whole).rows)).toBe(100);
    expect(seenPictures(dataSet, [])).toMatchObject({ split: undefined, others: 0 });
  });
});
