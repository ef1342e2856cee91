import { describe, expect, it, test } from 'vitest';
import { type DataSet, tokenDataSet } from '../../../../lib/training/data/data-set.ts';
import { createRowOrder, rowsOfPart, someRows, splitDataSet } from '../../../../lib/training/data/split.ts';

describe('createRowOrder', () => {
  const rows = Uint32Array.of(3, 5, 7, 9, 11);
  test('repeats the rows in order when they are not shuffled', () => {
    expect([...createRowOrder(rows, 1, false)(3, 6)]).toEqual([9, 11, 3, 5, 7, 9]);
  });

  test('has every row once in each epoch, in another order each time', () => {
    const order = createRowOrder(
      Uint32Array.from({ length: 50 }, (_, i) => i),
      1,
      true,
    );
    const [first, second] = [order(0, 50), order(50, 50)];
    expect([...first].sort((a, b) => a - b)).toEqual([...second].sort((a, b) => a - b));
    expect([...first]).not.toEqual([...second]);
    expect([...first]).not.toEqual(Array.from(first).sort((a, b) => a - b));
  });

  test('has the same row at a position, whatever was read before', () => {
    const whole = createRowOrder(rows, 4, true)(0, 23);
    const order = createRowOrder(rows, 4, true);
    expect([...order(17, 6)]).toEqual([...whole.subarray(17)]);
    expect([...order(2, 9)]).toEqual([...whole.subarray(2, 11)]);
    expect([...createRowOrder(rows, 5, true)(0, 23)]).not.toEqual([...whole]);
  });

  test('repeats rows in a batch that is larger than the data set', () => {
    expect([...createRowOrder(Uint32Array.of(6), 0, true)(0, 3)]).toEqual([6, 6, 6]);
  });
});

test('someRows draws at most so many rows, ascending, from the whole range, the same for a seed', () => {
  const rows = Uint32Array.from({ length: 100 }, (_, i) => 10 * i);
  const some = someRows(rows, 20, 1);
  expect(some).toEqual(someRows(rows, 20, 1));
  expect(new Set(some).size).toBe(20);
  expect([...some]).toEqual([...some].sort((a, b) => a - b));
  expect(some[0]).toBeLessThan(400);
  expect(some[19]).toBeGreaterThan(600);
  expect(someRows(rows, 20, 2)).not.toEqual(some);
  expect(someRows(rows, 100, 1)).toBe(rows);
});

describe('a split', () => {
  /** 100 pictures of class 0, 50 of class 1. */
  const labels = Int32Array.from({ length: 150 }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const labelled = tokenDataSet('x', new Uint16Array(150), 1, labels);

  const classOf = (rows: Uint32Array, label: number) => rows.filter((row) => labels[row] === label).length;
  it('takes the shares from each class', () => {
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

  it('is the same for the same seed, and another for another seed', () => {
    expect(splitDataSet(labelled, { seed: 7 })).toEqual(splitDataSet(labelled, { seed: 7 }));
    expect(splitDataSet(labelled, { seed: 8 })).not.toEqual(splitDataSet(labelled, { seed: 7 }));
  });

  it('keeps a test part of the source, and takes the validation part from the rest', () => {
    const parts = Uint8Array.from({ length: 150 }, (_, i) => (i < 120 ? 0 : 2));
    const { train, validation, test } = splitDataSet({ ...labelled, parts }, { test: 0.5 });

    expect(test).toEqual(Uint32Array.from({ length: 30 }, (_, i) => 120 + i));
    expect(validation.length).toBe(12);
    expect(train.length).toBe(108);
  });

  it('divides a million pictures without labels', () => {
    const { train, test } = splitDataSet(tokenDataSet('x', new Uint16Array(1_000_000), 1));

    expect([train.length, test.length]).toEqual([800_000, 100_000]);
  });

  it('divides pictures without labels too', () => {
    const { train, validation, test } = splitDataSet(tokenDataSet('x', new Uint16Array(10), 1));

    expect([train.length, validation.length, test.length]).toEqual([8, 1, 1]);
  });

  it('is refused when no picture is left to train on', () => {
    const dataSet: DataSet = { ...tokenDataSet('x', new Uint16Array(2), 1), parts: Uint8Array.of(2, 2) };

    expect(() => splitDataSet(dataSet)).toThrow(/x has 2 pictures and all are held out/);
  });
});

describe('rowsOfPart', () => {
  const plain = tokenDataSet('x', new Uint16Array(10), 1);
  const divided: DataSet = { ...plain, parts: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 2, 2) };

  test('measures what training holds out: the test part, else the validation part, else all pictures', () => {
    expect(rowsOfPart(plain, undefined, {})).toMatchObject({ part: 'test', rows: { length: 1 } });
    expect(rowsOfPart(plain, undefined, {}).rows).toEqual(splitDataSet(plain).test);
    expect(rowsOfPart(plain, undefined, { test: 0 })).toMatchObject({ part: 'validation', rows: { length: 1 } });
    expect(rowsOfPart(plain, undefined, { test: 0, validation: 0 })).toMatchObject({
      part: 'all',
      rows: { length: 10 },
    });
    const { part, rows } = rowsOfPart(divided, undefined, {});
    expect([part, ...rows]).toEqual(['test', 8, 9]);
  });

  test('measures a data set that is a test part only', () => {
    const testOnly: DataSet = { ...plain, parts: new Uint8Array(10).fill(2) };
    for (const part of [undefined, 'all', 'test'] as const) {
      expect(rowsOfPart(testOnly, part, {}).rows.length).toBe(10);
    }
    expect(() => rowsOfPart(testOnly, 'train', {})).toThrow('the train part of x has no pictures');
  });

  test('refuses a part without pictures', () => {
    expect(() => rowsOfPart(plain, 'test', { test: 0 })).toThrow('the test part of x has no pictures');
  });
});
