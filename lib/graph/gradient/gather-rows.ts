import { addConstant, addNode, type Value } from '../graph.ts';
import * as operators from '../operators.ts';
import { gemm } from './linear.ts';
import { record, type Tape } from './tape.ts';

/**
 * Rows of `table` [size, d] named by `indices` int32 [rows] -> [rows, d]. The gradient is a product with a one-hot
 * matrix: a scatter that adds up races on more than one thread (DESIGN.md, decision 6).
 */
export function gatherRows(tape: Tape, table: Value, size: number, indices: Value): Value {
  const { graph } = tape;
  const rows = operators.gatherRows(graph, table, indices);
  record(tape, [rows], ([gradient = ''], gradients) => {
    const chosen = oneHot(tape, indices, size);
    gradients.accumulate(table, (sum) => gemm(graph, chosen, gradient, sum, { transA: true }));
  });
  return rows;
}

/** 1 in the column that the row's index names, 0 elsewhere: indices int32 [rows] -> [rows, columns]. */
export function oneHot({ graph }: Tape, indices: Value, columns: number): Value {
  const range = addConstant(graph, 'off and on', Float32Array.of(0, 1), [2]);
  return addNode(graph, 'OneHot', [indices, operators.int32(graph, columns), range]);
}
