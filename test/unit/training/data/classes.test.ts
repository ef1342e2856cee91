import { describe, expect, it, test } from 'vitest';
import { alignClasses, chooseHead, labelsAsClasses } from '../../../../lib/training/data/classes.ts';
import { requireLabels, tokenDataSet } from '../../../../lib/training/data/data-set.ts';

describe('chooseHead', () => {
  const rows = Uint32Array.of(0, 1, 2);
  const numbered = (...labels: number[]) =>
    requireLabels(tokenDataSet('y.npy', new Uint16Array(labels.length), 1, labels));
  const named = (classes: string[], ...labels: number[]) => ({ ...numbered(...labels), classes });
  test('finds the classes of the head by name', () => {
    const { labels, names } = chooseHead(named(['cat', 'dog'], 0, 1, 1), rows, ['dog', 'bird', 'cat']);
    expect([...labels]).toEqual([2, 0, 0]);
    expect(names).toBeUndefined();
  });

  test('takes numbers as indices of the head’s classes, also with gaps', () => {
    expect([...chooseHead(numbered(4, 0, 4), rows, ['a', 'b', 'c', 'd', 'e']).labels]).toEqual([4, 0, 4]);
  });

  test('makes a new head for the classes of the data set', () => {
    expect(chooseHead(named(['cat', 'dog'], 0, 1, 1), rows, undefined).names).toEqual(['cat', 'dog']);
  });

  test.each([
    ['classes that the head does not have', named(['cat', 'cow'], 0, 1, 1), ['cat', 'dog'], 'labels_mismatch'],
    ['an empty class of a new head', numbered(0, 2, 2), undefined, 'class_empty'],
    ['an empty folder', named(['cat', 'dog'], 0, 0, 0), ['cat', 'dog'], 'class_empty'],
    ['one class', numbered(1, 1, 1), ['a', 'b'], 'one_class'],
  ])('refuses %s', (_, dataSet, classes, code) => {
    expect(() => chooseHead(dataSet, rows, classes)).toThrow(expect.objectContaining({ code }));
  });
});

describe('classes of a data set', () => {
  const model = ['cat', 'dog', 'frog'];
  it('are the model’s classes of the same name', () => {
    expect(alignClasses('x', ['frog', 'cat'], model)).toEqual(Int32Array.of(2, 0));
  });

  it('are the model’s classes by index when they are numbers', () => {
    expect(alignClasses('x', ['0', '1'], model)).toEqual(Int32Array.of(0, 1));
  });

  it('are the model’s classes by index when they are folders of numbers, in any order and with zeros before them', () => {
    const model = Array.from({ length: 12 }, (_, i) => `class ${i}`);
    const folders = ['0', '1', '10', '11', '2', '3', '4', '5', '6', '7', '8', '9'];
    expect(alignClasses('x', folders, model)).toEqual(Int32Array.of(0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9));
    expect(alignClasses('x', ['00', '01'], model)).toEqual(Int32Array.of(0, 1));
    expect(() => alignClasses('x', ['1', '2'], model)).toThrow('not among the model');
    expect(() => alignClasses('x', ['0', '00'], model)).toThrow('not among the model');
  });

  it('are found in another Unicode normal form', () => {
    expect(alignClasses('x', ['cafe\u0301'], ['tea', 'caf\u00e9'])).toEqual(Int32Array.of(1));
  });

  it('are told apart by their numbers when the model has two of a name', () => {
    const cranes = ['crane', 'ship', 'crane'];
    const ambiguous = expect.objectContaining({
      code: 'class_ambiguous',
      message: 'the model has 2 classes named crane, which a class of x is named: rename it to crane (0) or crane (2)',
    });
    expect(() => alignClasses('x', ['crane', 'ship'], cranes)).toThrow(ambiguous);
    expect(() => alignClasses('x', ['crane', 'ship'], ['crane (0)', 'ship', 'crane (2)'])).toThrow(ambiguous);
    expect(alignClasses('x', ['ship'], cranes)).toEqual(Int32Array.of(1));
    expect(alignClasses('x', ['crane (2)', 'ship'], cranes)).toEqual(Int32Array.of(2, 1));
    expect(alignClasses('x', ['0', '1', '2'], cranes)).toEqual(Int32Array.of(0, 1, 2));
  });

  it('are matched by name when the model’s names are numbers, too', () => {
    expect(alignClasses('x', ['0', '1'], ['1', '0'])).toEqual(Int32Array.of(1, 0));
  });

  it.each([
    [
      'a name that the model does not have',
      ['cat', 'horse'],
      /1 of the 2 classes of x are not among the model's 3 \(horse\)/,
    ],
    ['more numbers than the model has classes', ['0', '1', '2', '3'], /4 of the 4 classes .*\(0, 1, 2, …\)/],
  ])('are refused with %s', (_, classes, message) => {
    expect(() => alignClasses('x', classes, model)).toThrow(message);
  });
});

test('labels become classes of the model by name; without labels or classes there are none', () => {
  const dataSet = { ...tokenDataSet('x', new Uint16Array(3), 1, [0, 1, 1]), classes: ['cat', 'dog'] };
  expect([...(labelsAsClasses(dataSet, ['dog', 'bird', 'cat']) ?? [])]).toEqual([2, 0, 0]);
  expect(labelsAsClasses(dataSet, [])).toBeUndefined();
  expect(labelsAsClasses(tokenDataSet('x', new Uint16Array(3), 1), ['cat'])).toBeUndefined();
});
