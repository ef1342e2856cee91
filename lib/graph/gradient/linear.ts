import { addConstant, addNode, type Graph, type Value } from '../graph.ts';
import { add, float32, matMul, multiply } from '../operators.ts';
import { record, type Tape } from './tape.ts';

export interface Linear {
  /** [in, out], or [out, in] where `transposed`. */
  weight: Value;
  transposed?: boolean;
  /** [out] */
  bias?: Value | undefined;
  /** Factor of the product; default 1. It costs nothing here, where a pass of its own would. */
  scale?: number;
  /** Factor of the bias; default 1. */
  biasScale?: number;
}

/** scale x [rows, in] times the weight, plus biasScale bias -> [rows, out]. */
export function linear(tape: Tape, x: Value, rows: number, layer: Linear): Value {
  const { graph } = tape;
  const { weight, transposed = false, bias, scale = 1, biasScale = 1 } = layer;
  const y = gemm(graph, x, weight, bias, { transB: transposed, alpha: scale, beta: biasScale });
  record(tape, [y], ([dy = ''], gradients) => {
    gradients.accumulate(x, (sum) => gemm(graph, dy, weight, sum, { transB: !transposed, alpha: scale }));
    const [left, right] = transposed ? [dy, x] : [x, dy];
    gradients.accumulate(weight, (sum) => gemm(graph, left, right, sum, { transA: true, alpha: scale }));
    if (bias !== undefined) gradients.accumulate(bias, (sum) => sumRows(graph, dy, rows, biasScale, sum));
  });
  return y;
}

interface GemmOptions {
  transA?: boolean;
  transB?: boolean;
  /** Factor of the product; default 1. */
  alpha?: number;
  /** Factor of `sum`; default 1. */
  beta?: number;
}

/** A product of two matrices, added to `sum` where there is one. */
export function gemm(
  graph: Graph,
  a: Value,
  b: Value,
  sum: Value | undefined,
  { transA = false, transB = false, alpha = 1, beta = 1 }: GemmOptions = {},
): Value {
  return addNode(graph, 'Gemm', sum === undefined ? [a, b] : [a, b, sum], {
    transA: { kind: 'int', value: Number(transA) },
    transB: { kind: 'int', value: Number(transB) },
    alpha: { kind: 'float', value: alpha },
    beta: { kind: 'float', value: beta },
  });
}

/** Sum over the rows of [rows, columns], times `scale`, plus `sum` -> [columns]: a product with a row of ones. */
function sumRows(graph: Graph, value: Value, rows: number, scale: number, sum: Value | undefined): Value {
  const ones = addConstant(graph, `ones [${rows}]`, new Float32Array(rows).fill(1), [rows]);
  const total = matMul(graph, ones, value);
  const scaled = scale === 1 ? total : multiply(graph, total, float32(graph, scale));
  return sum === undefined ? scaled : add(graph, sum, scaled);
}
