import { test } from 'vitest';
import { gatherRows } from '../../../../lib/graph/gradient/gather-rows.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

test('rows of a table, one of them three times, one never', () =>
  expectGradients(
    { table: [4, 3] },
    (tape) => ({ outputs: [{ value: gatherRows(tape, 'table', 4, 'ids', 5), shape: [5, 3] }] }),
    { ids: Int32Array.of(2, 0, 2, 3, 2) },
  ));
