import { describe, expect, it } from 'vitest';
import { alignClasses } from '../../../../lib/training/data/align-classes.ts';

const model = ['cat', 'dog', 'frog'];

describe('classes of a data set', () => {
  it('are the model’s of the same name', () => {
    expect(alignClasses('x', ['frog', 'cat'], model)).toEqual(Int32Array.of(2, 0));
  });

  it('are the model’s by number where they are numbers', () => {
    expect(alignClasses('x', ['0', '1'], model)).toEqual(Int32Array.of(0, 1));
  });

  it('are matched by name where the model’s names are numbers too', () => {
    expect(alignClasses('x', ['0', '1'], ['1', '0'])).toEqual(Int32Array.of(1, 0));
  });

  it.each([
    ['a name that the model has not', ['cat', 'horse'], /1 of the 2 classes of x are none of the model's 3 \(horse\)/],
    ['more numbers than the model has classes', ['0', '1', '2', '3'], /4 of the 4 classes .*\(0, 1, 2, …\)/],
  ])('are refused with %s', (_, classes, message) => {
    expect(() => alignClasses('x', classes, model)).toThrow(message);
  });
});
