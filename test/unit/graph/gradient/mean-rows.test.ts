import { test } from 'vitest';
import { meanRows } from '../../../../lib/graph/gradient/mean-rows.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

test('the mean over the rows', () =>
  expectGradients({ x: [5, 3] }, (tape) => ({ outputs: [{ value: meanRows(tape, 'x', 5), shape: [1, 3] }] })));
