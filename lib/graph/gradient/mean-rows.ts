import { addConstant, type Value } from '../graph.ts';
import { matMul } from '../operators.ts';
import { record, type Tape } from './tape.ts';

/** Mean over the rows of [rows, d] -> [1, d]. */
export function meanRows(tape: Tape, value: Value, rows: number): Value {
  const { graph } = tape;
  const shares = new Float32Array(rows).fill(1 / rows);
  const mean = matMul(graph, addConstant(graph, `mean [1, ${rows}]`, shares, [1, rows]), value);
  record(tape, [mean], ([gradient = ''], gradients) => {
    const column = addConstant(graph, `mean [${rows}, 1]`, shares, [rows, 1]);
    gradients.add(value, matMul(graph, column, gradient)); // [rows, 1] x [1, d]
  });
  return mean;
}
