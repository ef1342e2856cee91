import { expect, test } from 'vitest';
import {
  crossEntropy,
  gatherRows,
  joined,
  linear,
  meanRows,
  pieces,
  rmsNorm,
  silu,
  sum,
} from '../../../../lib/graph/gradient/operators.ts';
import { createTape } from '../../../../lib/graph/gradient/tape.ts';
import { createGraph } from '../../../../lib/graph/graph.ts';
import { expectGradients } from './finite-differences.ts';

test('a sum, also of a value with itself', () =>
  expectGradients({ a: [2, 3], b: [2, 3] }, (tape) => ({
    outputs: [{ value: sum(tape, sum(tape, 'a', 'b'), 'b'), shape: [2, 3] }],
  })));

test('x sigmoid(x)', () =>
  expectGradients({ x: [4, 5] }, (tape) => ({ outputs: [{ value: silu(tape, 'x'), shape: [4, 5] }] })));

test('rows of a table, one of them three times, one never', () =>
  expectGradients(
    { table: [4, 3] },
    (tape) => ({ outputs: [{ value: gatherRows(tape, 'table', 4, 'ids', 5), shape: [5, 3] }] }),
    { ids: Int32Array.of(2, 0, 2, 3, 2) },
  ));

test.each([
  { transposed: false, weight: [3, 5] },
  { transposed: true, weight: [5, 3] },
])('a product with a bias, transposed $transposed', ({ transposed, weight }) =>
  expectGradients({ x: [4, 3], w: weight, b: [5] }, (tape) => ({
    outputs: [{ value: linear(tape, 'x', 4, { weight: 'w', transposed, bias: 'b' }), shape: [4, 5] }],
  })),
);

test('a scaled product without a bias, and one with both scaled', () =>
  expectGradients({ x: [4, 3], w: [3, 5], b: [5] }, (tape) => ({
    outputs: [
      { value: linear(tape, 'x', 4, { weight: 'w', scale: 0.5 }), shape: [4, 5] },
      { value: linear(tape, 'x', 4, { weight: 'w', bias: 'b', scale: 1.7, biasScale: 0.3 }), shape: [4, 5] },
    ],
  })));

test('the mean over the rows', () =>
  expectGradients({ x: [5, 3] }, (tape) => ({ outputs: [{ value: meanRows(tape, 'x', 5), shape: [1, 3] }] })));

test('parts of a value, some of which the loss does not use', () =>
  expectGradients({ x: [6, 2] }, (tape) => {
    const [first = '', , last = ''] = pieces(tape, 'x', [1, 2, 3], 0);
    return {
      outputs: [
        { value: first, shape: [1, 2] },
        { value: last, shape: [3, 2] },
      ],
    };
  }));

test('joined values, one of them twice', () =>
  expectGradients({ a: [2, 2], b: [2, 3] }, (tape) => ({
    outputs: [{ value: joined(tape, ['a', 'b', 'a'], [2, 3, 2], 1), shape: [2, 7] }],
  })));

test('a single part is the value itself', () => {
  const tape = createTape(createGraph('g'));
  expect(pieces(tape, 'x', [4], 0)).toEqual(['x']);
  expect(joined(tape, ['x'], [4], 0)).toBe('x');
  expect(tape.steps).toEqual([]);
});

test.each([1e-5, 0.5])('RMS norm with epsilon %d, with respect to the input and the gain', (epsilon) =>
  expectGradients({ x: [3, 8], g: [8] }, (tape) => ({
    outputs: [{ value: rmsNorm(tape, 'x', 'g', 8, epsilon), shape: [3, 8] }],
  })),
);

test('a weighted cross entropy, with a row of weight 0', () =>
  expectGradients({ logits: [3, 4] }, (tape) => ({ loss: crossEntropy(tape, 'logits', 'targets', 'shares').loss }), {
    targets: Int32Array.of(1, 0, 3),
    shares: Float32Array.of(0.5, 0, 2),
  }));
