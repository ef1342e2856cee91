import { test } from 'vitest';
import { silu, sum } from '../../../../lib/graph/gradient/elementwise.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

test('a sum, also of a value with itself', () =>
  expectGradients({ a: [2, 3], b: [2, 3] }, (tape) => ({
    outputs: [{ value: sum(tape, sum(tape, 'a', 'b'), 'b'), shape: [2, 3] }],
  })));

test('x sigmoid(x)', () =>
  expectGradients({ x: [4, 5] }, (tape) => ({ outputs: [{ value: silu(tape, 'x'), shape: [4, 5] }] })));
