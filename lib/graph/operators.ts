import { type Activation, quickGeluSlope } from '../image-gpt/activation.ts';
import { addConstant, addNode, type Graph, nextValue, pushNode, type Value } from './graph.ts';

// One function per ONNX operator. In shapes, b stands for any leading dimensions.

/** Elementwise sum, with broadcasting. */
export function add(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, 'Add', [a, b]);
}

/** Elementwise product, with broadcasting. */
export function multiply(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, 'Mul', [a, b]);
}

/** [b, m, k] x [k, n] or [b, k, n] -> [b, m, n] */
export function matMul(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, 'MatMul', [a, b]);
}

/** alpha x [b, m, k] x transposed [n, k] or [b, n, k] -> [b, m, n]: the second factor is read as it is stored. */
export function matMulTransposed(graph: Graph, a: Value, b: Value, alpha = 1): Value {
  return addNode(
    graph,
    'FusedMatMul',
    [a, b],
    { transB: { kind: 'int', value: 1 }, alpha: { kind: 'float', value: alpha } },
    'com.microsoft',
  );
}

/** Rows of `table` [rows, d] named by `indices` [b] -> [b, d]. */
export function gatherRows(graph: Graph, table: Value, indices: Value): Value {
  return addNode(graph, 'Gather', [table, indices], { axis: { kind: 'int', value: 0 } });
}

/** The element of each row of `data` [b, m] at `indices` [b, 1] -> [b, 1]. */
export function gatherElements(graph: Graph, data: Value, indices: Value, axis: number): Value {
  return addNode(graph, 'GatherElements', [data, indices], { axis: { kind: 'int', value: axis } });
}

/** `data` [b, m] with the element of each row at `indices` [b, 1] replaced by `updates` [b, 1]. */
export function scatterElements(graph: Graph, data: Value, indices: Value, updates: Value, axis: number): Value {
  return addNode(graph, 'ScatterElements', [data, indices, updates], { axis: { kind: 'int', value: axis } });
}

/** `values` joined along one axis; a single value is returned as it is. */
export function concat(graph: Graph, values: readonly Value[], axis: number): Value {
  const [only] = values;
  if (only !== undefined && values.length === 1) return only;
  return addNode(graph, 'Concat', values, { axis: { kind: 'int', value: axis } });
}

/** `shape` may hold one -1 (the remaining elements) and zeros (the input's size). */
export function reshape(graph: Graph, value: Value, shape: readonly number[]): Value {
  return addNode(graph, 'Reshape', [value, int64s(graph, shape)]);
}

/** Elements [start, end) along one axis; `end` may lie beyond the axis. */
export function slice(graph: Graph, value: Value, start: number, end: number, axis: number): Value {
  return addNode(graph, 'Slice', [value, int64s(graph, [start]), int64s(graph, [end]), int64s(graph, [axis])]);
}

/** Pads [rows, columns] with `fill`: `before` columns at the start, `after` at the end. Below 0 it removes columns. */
export function shiftColumns(graph: Graph, value: Value, before: number, after: number, fill: Value): Value {
  return addNode(graph, 'Pad', [value, int64s(graph, [0, before, 0, after]), fill]);
}

export function where(graph: Graph, condition: Value, a: Value, b: Value): Value {
  return addNode(graph, 'Where', [condition, a, b]);
}

export function unsqueeze(graph: Graph, value: Value, axis: number): Value {
  return addNode(graph, 'Unsqueeze', [value, int64s(graph, [axis])]);
}

/** Axes in another order: axis i of the result is axis order[i]. */
export function transpose(graph: Graph, value: Value, order: readonly number[]): Value {
  return addNode(graph, 'Transpose', [value], { perm: { kind: 'ints', value: order } });
}

/** Parts of the given sizes along one axis; a single part is the value itself. */
export function split(graph: Graph, value: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [value];
  const parts = sizes.map((_, i) => nextValue(graph, `part${i}`));
  pushNode(graph, 'Split', [value, int64s(graph, sizes)], parts, { axis: { kind: 'int', value: axis } });
  return parts;
}

export function negate(graph: Graph, value: Value): Value {
  return addNode(graph, 'Neg', [value]);
}

/** Over the last axis. */
export function softmax(graph: Graph, value: Value): Value {
  return addNode(graph, 'Softmax', [value], { axis: { kind: 'int', value: -1 } });
}

/** Over the last axis. */
export function logSoftmax(graph: Graph, value: Value): Value {
  return addNode(graph, 'LogSoftmax', [value], { axis: { kind: 'int', value: -1 } });
}

/** The activation of the MLP, elementwise. */
export function activate(graph: Graph, value: Value, activation: Activation): Value {
  const swish = (slope: number): Value =>
    addNode(graph, 'QuickGelu', [value], { alpha: { kind: 'float', value: slope } }, 'com.microsoft');
  switch (activation) {
    case 'quick_gelu':
      return swish(quickGeluSlope);
    case 'silu':
      return swish(1);
    case 'gelu':
      return addNode(graph, 'Gelu', [value], {}, 'com.microsoft');
    case 'gelu_new':
      return addNode(graph, 'FastGelu', [value], {}, 'com.microsoft');
    case 'relu':
      return addNode(graph, 'Relu', [value]);
  }
}

/**
 * The residual sum and its RMS norm, in one pass: sum = a + b + bias, norm = sum * gain / sqrt(mean(sum^2) + epsilon).
 * Shapes: a [batch, n, d]; b [batch, n, d] or [n, d]; gain and bias [d]. iGPT's norm does not subtract the mean
 * (model.py, `norm`).
 */
export function addAndNorm(
  graph: Graph,
  a: Value,
  b: Value,
  gain: Value,
  bias: Value | undefined,
  epsilon: number,
): { sum: Value; norm: Value } {
  const inputs = bias === undefined ? [a, b, gain] : [a, b, gain, bias];
  const norm = nextValue(graph, 'norm');
  const sum = nextValue(graph, 'sum');
  pushNode(
    graph,
    'SkipSimplifiedLayerNormalization',
    inputs,
    [norm, '', '', sum],
    { epsilon: { kind: 'float', value: epsilon } },
    'com.microsoft',
  );
  return { sum, norm };
}

/** A constant int64 list, shared by name. */
export function int64s(graph: Graph, values: readonly number[]): Value {
  return addConstant(graph, `int64 [${values}]`, BigInt64Array.from(values, BigInt), [values.length]);
}

/** A constant int32 scalar, shared by name. */
export function int32(graph: Graph, value: number): Value {
  return addConstant(graph, `int32 ${value}`, Int32Array.of(value), []);
}

/** A constant float scalar, shared by name. */
export function float32(graph: Graph, value: number): Value {
  return addConstant(graph, `float32 ${value}`, Float32Array.of(value), []);
}
