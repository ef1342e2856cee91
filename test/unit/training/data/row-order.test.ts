import { describe, expect, test } from 'vitest';
import { createRowOrder } from '../../../../lib/training/data/row-order.ts';

const rows = Uint32Array.of(3, 5, 7, 9, 11);

describe('createRowOrder', () => {
  test('takes rows as they are, again and again, when nothing is shuffled', () => {
    expect([...createRowOrder(rows, 1, false)(3, 6)]).toEqual([9, 11, 3, 5, 7, 9]);
  });

  test('has every row once in each epoch, and another order in the next', () => {
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

  test('gives a place of the sequence the same row, however one came there', () => {
    const whole = createRowOrder(rows, 4, true)(0, 23);
    const order = createRowOrder(rows, 4, true);
    expect([...order(17, 6)]).toEqual([...whole.subarray(17)]);
    expect([...order(2, 9)]).toEqual([...whole.subarray(2, 11)]);
    expect([...createRowOrder(rows, 5, true)(0, 23)]).not.toEqual([...whole]);
  });

  test('repeats rows within a batch that is larger than the data set', () => {
    expect([...createRowOrder(Uint32Array.of(6), 0, true)(0, 3)]).toEqual([6, 6, 6]);
  });
});
