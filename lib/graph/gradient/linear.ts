import { addConstant, addNode, type Graph, type Value } from '../graph.ts';
import { add, matMul, matMulTransposed } from '../operators.ts';
import { record, type Tape } from './tape.ts';

export interface Linear {
  /** [in, out], or [out, in] where `transposed`. */
  weight: Value;
  transposed?: boolean;
  /** [out] */
  bias?: Value | undefined;
}

/** x [rows, in] times the weight, plus the bias -> [rows, out]. */
export function linear(tape: Tape, x: Value, rows: number, { weight, transposed = false, bias }: Linear): Value {
  const { graph } = tape;
  const y =
    bias === undefined
      ? transposed
        ? matMulTransposed(graph, x, weight)
        : matMul(graph, x, weight)
      : gemm(graph, x, weight, bias, { transB: transposed });
  record(tape, [y], ([dy = ''], gradients) => {
    gradients.add(x, transposed ? matMul(graph, dy, weight) : matMulTransposed(graph, dy, weight));
    gradients.accumulate(weight, (sum) =>
      transposed ? gemm(graph, dy, x, sum, { transA: true }) : gemm(graph, x, dy, sum, { transA: true }),
    );
    if (bias !== undefined) gradients.accumulate(bias, (sum) => sumRows(graph, dy, rows, sum));
  });
  return y;
}

/** A product of two matrices, added to `sum` where there is one. */
export function gemm(
  graph: Graph,
  a: Value,
  b: Value,
  sum: Value | undefined,
  { transA = false, transB = false }: { transA?: boolean; transB?: boolean } = {},
): Value {
  return addNode(graph, 'Gemm', sum === undefined ? [a, b] : [a, b, sum], {
    transA: { kind: 'int', value: Number(transA) },
    transB: { kind: 'int', value: Number(transB) },
  });
}

/** Sum over the rows of [rows, columns], plus `sum` -> [columns]: a product with a row of ones, as it needs no copy. */
export function sumRows(graph: Graph, value: Value, rows: number, sum: Value | undefined): Value {
  const ones = addConstant(graph, `ones [${rows}]`, new Float32Array(rows).fill(1), [rows]);
  const total = matMul(graph, ones, value);
  return sum === undefined ? total : add(graph, sum, total);
}
