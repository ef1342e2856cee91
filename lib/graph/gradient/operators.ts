import { addConstant, addNode, type Graph, nextValue, pushNode, type Value } from '../graph.ts';
import * as operators from '../operators.ts';
import {
  add,
  concat,
  float32,
  gatherElements,
  int64s,
  logSoftmax,
  matMul,
  multiply,
  negate,
  reshape,
  scatterElements,
  split,
} from '../operators.ts';
import { record, type Tape } from './tape.ts';

/** Sum of two values of the same shape, as in the residual stream. */
export function sum(tape: Tape, a: Value, b: Value): Value {
  const y = add(tape.graph, a, b);
  record(tape, [y], ([dy = ''], gradients) => {
    gradients.add(a, dy);
    gradients.add(b, dy);
  });
  return y;
}

/**
 * x sigmoid(x). With s = sigmoid(x) and the result y, the derivative is s + y (1 - s), so x is not kept.
 */
export function silu(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const s = addNode(graph, 'Sigmoid', [x]);
  const y = multiply(graph, x, s);
  record(tape, [y], ([dy = ''], gradients) => {
    const rest = addNode(graph, 'Sub', [float32(graph, 1), s]);
    const slope = add(graph, multiply(graph, rest, y), s);
    gradients.add(x, multiply(graph, slope, dy));
  });
  return y;
}

/**
 * Rows of `table` [size, d] at `indices` int32 [count] -> [count, d]. The gradient is a product with a one-hot matrix,
 * because onnxruntime's adding scatter is a data race on several threads.
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

/** For each row, 1 in the column of its index and 0 elsewhere: indices int32 [rows] -> [rows, columns]. */
function oneHot({ graph }: Tape, indices: Value, rows: number, columns: number): Value {
  // ONNX's OneHot takes ten times as long.
  const zeros = addNode(graph, 'ConstantOfShape', [int64s(graph, [rows, columns])]);
  const ones = addConstant(graph, `ones [${rows}, 1]`, new Float32Array(rows).fill(1), [rows, 1]);
  return scatterElements(graph, zeros, reshape(graph, indices, [-1, 1]), ones, 1);
}

export interface Linear {
  /** [in, out], or [out, in] if `transposed`. */
  weight: Value;
  transposed?: boolean;
  /** [out] */
  bias?: Value | undefined;
  /** Factor of the product (default 1). It costs nothing as part of the product. */
  scale?: number;
  /** Factor of the bias (default 1). */
  biasScale?: number;
}

/** scale x weight + biasScale bias, with x [rows, in] -> [rows, out]. */
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
  /** Factor of the product (default 1). */
  alpha?: number;
  /** Factor of `sum` (default 1). */
  beta?: number;
}

/** A product of two matrices, added to `sum` if there is one. */
function gemm(
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

/** Sum over the rows of [rows, columns], times `scale`, plus `sum` -> [columns], as a product with a row of ones. */
function sumRows(graph: Graph, value: Value, rows: number, scale: number, sum: Value | undefined): Value {
  const ones = addConstant(graph, `ones [${rows}]`, new Float32Array(rows).fill(1), [rows]);
  const total = matMul(graph, ones, value);
  const scaled = scale === 1 ? total : multiply(graph, total, float32(graph, scale));
  return sum === undefined ? scaled : add(graph, sum, scaled);
}

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

/** Parts of the given sizes along one axis; a single part is the value itself. */
export function pieces(tape: Tape, value: Value, sizes: readonly number[], axis: number): Value[] {
  const { graph } = tape;
  const parts = split(graph, value, sizes, axis);
  if (parts.length === 1) return parts;
  record(tape, parts, (gradients, all) => {
    const known = gradients.map((gradient, i) => gradient ?? zerosLike(tape, parts[i] ?? ''));
    all.add(value, concat(graph, known, axis));
  });
  return parts;
}

/** `values` joined along one axis; a single value is returned as it is. */
export function joined(tape: Tape, values: readonly Value[], sizes: readonly number[], axis: number): Value {
  const { graph } = tape;
  const whole = concat(graph, values, axis);
  if (values.length === 1) return whole;
  record(tape, [whole], ([gradient = ''], all) => {
    split(graph, gradient, sizes, axis).forEach((part, i) => {
      all.add(values[i] ?? '', part);
    });
  });
  return whole;
}

/** The gradient of a part that the loss does not use. */
function zerosLike({ graph }: Tape, value: Value): Value {
  return addNode(graph, 'Sub', [value, value]);
}

/**
 * RMS norm: x r g with r = 1 / sqrt(mean(x^2) + epsilon) of each row; x [rows, d], gain g [d]. The gradient with
 * respect to x is r (g dy - x r^2 mean(g dy x)), with respect to g the sum of r x dy over the rows.
 */
export function rmsNorm(tape: Tape, x: Value, gain: Value, d: number, epsilon: number): Value {
  const { graph } = tape;
  const y = nextValue(graph, 'norm');
  const r = nextValue(graph, 'inverse_root'); // [rows, 1]
  pushNode(graph, 'SimplifiedLayerNormalization', [x, gain], [y, r], {
    axis: { kind: 'int', value: -1 },
    epsilon: { kind: 'float', value: epsilon },
  });
  record(tape, [y], ([dy = ''], gradients) => {
    const product = multiply(graph, dy, x);
    const column = reshape(graph, gain, [d, 1]);
    const dot = matMul(graph, product, column); // [rows, 1]: the sum of g dy x over each row
    const share = multiply(graph, multiply(graph, multiply(graph, r, r), dot), float32(graph, 1 / d));
    const rest = addNode(graph, 'Sub', [multiply(graph, dy, gain), multiply(graph, x, share)]);
    gradients.add(x, multiply(graph, rest, r));
    gradients.accumulate(gain, (sum) => {
      const total = matMul(graph, reshape(graph, r, [-1]), product);
      return sum === undefined ? total : add(graph, sum, total);
    });
  });
  return y;
}

/**
 * The cross-entropy loss of logits [rows, columns] with targets int32 [rows] and weights [rows]. Returns -log p(target)
 * of `each` row [rows], and as `loss` their weighted sum, a scalar (nats). The gradient with respect to the logits is
 * p - 1 at the target and p elsewhere, times the row's weight.
 */
export function crossEntropy(tape: Tape, logits: Value, targets: Value, weights: Value): { loss: Value; each: Value } {
  const { graph } = tape;
  const columns = reshape(graph, targets, [-1, 1]);
  const logProbabilities = logSoftmax(graph, logits);
  const chosen = gatherElements(graph, logProbabilities, columns, 1); // [rows, 1]
  const each = negate(graph, reshape(graph, chosen, [-1])); // [rows]
  const loss = matMul(graph, weights, each);
  record(tape, [], (_, gradients) => {
    const probabilities = addNode(graph, 'Exp', [logProbabilities]);
    const atTarget = addNode(graph, 'Sub', [addNode(graph, 'Exp', [chosen]), float32(graph, 1)]);
    const difference = scatterElements(graph, probabilities, columns, atTarget, 1);
    gradients.add(logits, multiply(graph, difference, reshape(graph, weights, [-1, 1])));
  });
  return { loss, each };
}
