import { addConstant, addNode, type Value } from '../graph.ts';
import * as operators from '../operators.ts';
import { gemm } from './linear.ts';
import { record, type Tape } from './tape.ts';

/**
 * Rows of `table` [size, d] named by `indices` int32 [count] -> [count, d]. The gradient is a product with a one-hot
 * matrix: a scatter that adds up races on more than one thread (DESIGN.md, decision 6).
 */
export function gatherRows(tape: Tape, table: Value, size: number, indices: Value, count: number): Value {
  const { graph } = tape;
  const rows = operators.gatherRows(graph, table, indices);
  record(tape, [rows], ([gradient = ''], gradients) => {
    const chosen = oneHot(tape, indices, count, size);
    gradients.accumulate(table, (sum) => gemm(graph, chosen, gradient, sum, { transA: true }));
  });
  return rows;
}

/** 1 in the column that the row's index names, 0 elsewhere: indices int32 [rows] -> [rows, columns]. */
function oneHot({ graph }: Tape, indices: Value, rows: number, columns: number): Value {
  // ONNX's OneHot takes ten times as long.
  const size = addConstant(graph, `int64 [${rows},${columns}]`, BigInt64Array.of(BigInt(rows), BigInt(columns)), [2]);
  const zeros = addNode(graph, 'ConstantOfShape', [size]);
  const ones = addConstant(graph, `ones [${rows}, 1]`, new Float32Array(rows).fill(1), [rows, 1]);
  return operators.scatterElements(graph, zeros, operators.reshape(graph, indices, [-1, 1]), ones, 1);
}
