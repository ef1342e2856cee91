import { test } from 'vitest';
import { linear } from '../../../../lib/graph/gradient/linear.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

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
