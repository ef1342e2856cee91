import type { IntegerMatrix, Weight } from './weights.ts';

/** Element types of our graphs, by onnxruntime's names. */
export type ElementType = 'float32' | 'float16' | 'bfloat16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';

/** A number, or the name of a size that is known only when the graph is executed. */
export type Dimension = number | string;

/** Name of a value in a graph. The empty string is an absent optional input or output. */
export type Value = string;

export type Attribute =
  | { kind: 'int'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'ints'; value: readonly number[] }
  | { kind: 'floats'; value: readonly number[] };

/** One operation as plain data, so that code can read, change and differentiate a graph before it is written. */
export interface Node {
  operator: string;
  /** The operator set: the empty string is ONNX's, `com.microsoft` is onnxruntime's own. */
  domain: '' | 'com.microsoft';
  inputs: readonly Value[];
  outputs: readonly Value[];
  attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of the whole graph. */
export interface GraphValue {
  name: Value;
  type: ElementType;
  shape: readonly Dimension[];
}

/** A constant. Its bytes (little endian, C order) are in the graph, or in a weight file of the checkpoint. */
export type Initializer = GraphValue & { shape: readonly number[] } & (
    | { bytes: Uint8Array }
    | { file: string; offset: number; length: number }
  );

export interface Graph {
  name: string;
  nodes: Node[];
  initializers: Map<Value, Initializer>;
  inputs: GraphValue[];
  outputs: GraphValue[];
}

export function createGraph(name: string): Graph {
  return { name, nodes: [], initializers: new Map(), inputs: [], outputs: [] };
}

export function addInput(graph: Graph, name: Value, type: ElementType, shape: readonly Dimension[]): Value {
  graph.inputs.push({ name, type, shape });
  return name;
}

/** Makes `value` an output of the graph, named `name`. */
export function addOutput(
  graph: Graph,
  name: string,
  value: Value,
  type: ElementType,
  shape: readonly Dimension[],
): void {
  pushNode(graph, 'Identity', [value], [name]);
  graph.outputs.push({ name, type, shape });
}

/** Appends an operation with one output and returns the output. */
export function addNode(
  graph: Graph,
  operator: string,
  inputs: readonly Value[],
  attributes: Node['attributes'] = {},
  domain: Node['domain'] = '',
): Value {
  const output = nextValue(graph, operator);
  pushNode(graph, operator, inputs, [output], attributes, domain);
  return output;
}

/** Appends an operation whose outputs the caller names (see {@link nextValue}). An empty name leaves an output out. */
export function pushNode(
  graph: Graph,
  operator: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
  attributes: Node['attributes'] = {},
  domain: Node['domain'] = '',
): void {
  graph.nodes.push({ operator, domain, inputs, outputs, attributes });
}

/**
 * A name for an output of the node that is appended next. It contains the node's number, so every build gives the same.
 */
export function nextValue(graph: Graph, stem: string): Value {
  return `${stem}_${graph.nodes.length}`;
}

const bytesPerElement: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};

const weightTypes = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * A small constant inside the graph. A second constant of the same name is not added: it must have the same contents.
 */
export function addConstant(
  graph: Graph,
  name: string,
  data: Float32Array | Int32Array | BigInt64Array | readonly boolean[],
  shape: readonly number[],
): Value {
  if (graph.initializers.has(name)) return name;
  const type =
    data instanceof Float32Array
      ? 'float32'
      : data instanceof Int32Array
        ? 'int32'
        : data instanceof BigInt64Array
          ? 'int64'
          : 'bool';
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : Uint8Array.from(data, Number);
  if (bytes.length !== elementsOf(shape) * bytesPerElement[type]) {
    throw new RangeError(`Expected [${shape}] of ${type} for ${name}, received ${bytes.length} bytes`);
  }
  graph.initializers.set(name, { name, type, shape, bytes });
  return name;
}

/**
 * A weight of the checkpoint, mapped from its file. `shape` declares other dimensions for the same bytes; `rows`
 * selects rows of the first dimension. Neither copies anything. 16-bit weights are widened to float32: onnxruntime does
 * this once, when it opens the graph, and keeps the wide copy.
 */
export function addWeight(
  graph: Graph,
  weight: Weight,
  options: { shape?: readonly number[]; rows?: { start: number; count: number } } = {},
): Value {
  const type = weightTypes[weight.dtype];
  const [first = 1, ...rest] = weight.shape;
  const rowBytes = elementsOf(rest) * bytesPerElement[type];
  const start = options.rows?.start ?? 0;
  const count = options.rows?.count ?? first;
  const shape = options.shape ?? (weight.shape.length === 0 ? [] : [count, ...rest]);
  if (elementsOf(shape) !== count * elementsOf(rest) || start + count > first) {
    throw new RangeError(`Expected ${count} rows of ${weight.name} [${weight.shape}] as [${shape}]`);
  }
  const name = `${weight.name}[${start}:${start + count}] as ${shape.join('x')}`;
  const value = type === 'float32' ? name : `${name} as float32`;
  if (graph.initializers.has(name)) return value;
  graph.initializers.set(name, {
    name,
    type,
    shape,
    file: weight.file,
    offset: weight.offset + start * rowBytes,
    length: count * rowBytes,
  });
  if (value !== name) {
    pushNode(graph, 'Cast', [name], [value], { to: { kind: 'int', value: onnxElementType.float32 } });
  }
  return value;
}

/** An 8-bit matrix, mapped from its file. */
export function addIntegerMatrix(graph: Graph, { name, dtype, shape, file, offset, length }: IntegerMatrix): Value {
  const type = dtype === 'I8' ? 'int8' : 'uint8';
  graph.initializers.set(name, { name, type, shape, file, offset, length });
  return name;
}

/** TensorProto.DataType of onnx.proto. */
export const onnxElementType: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};

/** Number of elements of a tensor. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
