import { expect, test } from 'vitest';
import { joined, pieces } from '../../../../lib/graph/gradient/pieces.ts';
import { createTape } from '../../../../lib/graph/gradient/tape.ts';
import { createGraph } from '../../../../lib/graph/graph.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

test('pieces of a value, some of which the loss does not see', () =>
  expectGradients({ x: [6, 2] }, (tape) => {
    const [first = '', , last = ''] = pieces(tape, 'x', [1, 2, 3], 0);
    return {
      outputs: [
        { value: first, shape: [1, 2] },
        { value: last, shape: [3, 2] },
      ],
    };
  }));

test('values in a row, one of them twice', () =>
  expectGradients({ a: [2, 2], b: [2, 3] }, (tape) => ({
    outputs: [{ value: joined(tape, ['a', 'b', 'a'], [2, 3, 2], 1), shape: [2, 7] }],
  })));

test('one piece is the value itself', () => {
  const tape = createTape(createGraph('g'));
  expect(pieces(tape, 'x', [4], 0)).toEqual(['x']);
  expect(joined(tape, ['x'], [4], 0)).toBe('x');
  expect(tape.steps).toEqual([]);
});
