import { describe, expect, it } from 'vitest';
import { type DataSet, tokenDataSet } from '../../../../lib/training/data/data-set.ts';
import { splitDataSet } from '../../../../lib/training/data/split.ts';

/** 100 pictures of class 0, 50 of class 1. */
const labels = Int32Array.from({ length: 150 }, (_, i) => (i % 3 === 0 ? 1 : 0));
const labelled = tokenDataSet('x', new Uint16Array(150), 1, labels);

const classOf = (rows: Uint32Array, label: number) => rows.filter((row) => labels[row] === label).length;

describe('a split', () => {
  it('takes the shares out of each class', () => {
    const { train, validation, test } = splitDataSet(labelled, { validation: 0.1, test: 0.2 });

    expect([classOf(validation, 0), classOf(validation, 1)]).toEqual([10, 5]);
    expect([classOf(test, 0), classOf(test, 1)]).toEqual([20, 10]);
    expect([classOf(train, 0), classOf(train, 1)]).toEqual([70, 35]);
  });

  it('has every row once, in ascending order', () => {
    const { train, validation, test } = splitDataSet(labelled);

    expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(train).toEqual(train.toSorted());
  });

  it('is the same for the same seed and another for another', () => {
    expect(splitDataSet(labelled, { seed: 7 })).toEqual(splitDataSet(labelled, { seed: 7 }));
    expect(splitDataSet(labelled, { seed: 8 })).not.toEqual(splitDataSet(labelled, { seed: 7 }));
  });

  it('leaves a test part of the source as it is, and takes validation out of the rest', () => {
    const parts = Uint8Array.from({ length: 150 }, (_, i) => (i < 120 ? 0 : 2));
    const { train, validation, test } = splitDataSet({ ...labelled, parts }, { test: 0.5 });

    expect(test).toEqual(Uint32Array.from({ length: 30 }, (_, i) => 120 + i));
    expect(validation.length).toBe(12);
    expect(train.length).toBe(108);
  });

  it('divides pictures without labels too', () => {
    const { train, validation, test } = splitDataSet(tokenDataSet('x', new Uint16Array(10), 1));

    expect([train.length, validation.length, test.length]).toEqual([8, 1, 1]);
  });

  it('is refused when nothing is left to train on', () => {
    const dataSet: DataSet = { ...tokenDataSet('x', new Uint16Array(2), 1), parts: Uint8Array.of(2, 2) };

    expect(() => splitDataSet(dataSet)).toThrow(/x has 2 pictures, and none is left to train on/);
  });
});
