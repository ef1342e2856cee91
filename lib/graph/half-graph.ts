import { addNode, type Graph, type Initializer, type Node, onnxElementType, type Value } from './graph.ts';

/** LogSoftmax sums too many exponentials for 16 bits. From this node on, values stay in float32. */
const firstWideOperator = 'LogSoftmax';

/**
 * The same graph in 16 bits, for GPUs. F16 weights are not widened, constants are narrowed, outputs stay float32. Every
 * weight must be F16.
 */
export function halfGraph(graph: Graph): Graph {
  const half: Graph = { ...graph, nodes: [], initializers: new Map() };
  for (const [name, initializer] of graph.initializers) half.initializers.set(name, narrowed(initializer));
  /** Name of the widened copy -> name of the F16 weight. */
  const narrow = new Map<Value, Value>();
  const wide = new Set<Value>();
  const outputs = new Set(graph.outputs.filter(({ type }) => type === 'float32').map(({ name }) => name));
  for (const node of graph.nodes) {
    const [first = ''] = node.inputs;
    const [output = ''] = node.outputs;
    if (node.operator === 'Cast' && half.initializers.get(first)?.type === 'float16') {
      narrow.set(output, first);
      continue;
    }
    const inputs = node.inputs.map((input) => narrow.get(input) ?? input);
    if (node.operator === firstWideOperator) {
      const input = addNode(half, 'Cast', inputs, { to: { kind: 'int', value: onnxElementType.float32 } });
      half.nodes.push({ ...node, inputs: [input] });
      wide.add(output);
    } else if (outputs.has(output) && !inputs.some((input) => wide.has(input))) {
      half.nodes.push(castToFloat32(node, inputs));
    } else {
      half.nodes.push({ ...node, inputs });
      if (inputs.some((input) => wide.has(input))) wide.add(output);
    }
  }
  return half;
}

/** Turns an output's Identity into the cast to float32. */
function castToFloat32(node: Node, inputs: readonly Value[]): Node {
  return { ...node, operator: 'Cast', inputs, attributes: { to: { kind: 'int', value: onnxElementType.float32 } } };
}

function narrowed(initializer: Initializer): Initializer {
  if (initializer.type !== 'float32') return initializer;
  if (!('bytes' in initializer)) {
    throw new RangeError(`Expected every weight in F16, received ${initializer.name} in F32`);
  }
  const wide = new Float32Array(Uint8Array.from(initializer.bytes).buffer);
  const view = new DataView(new ArrayBuffer(2 * wide.length));
  wide.forEach((value, i) => {
    view.setFloat16(2 * i, value, true);
  });
  return { ...initializer, type: 'float16', bytes: new Uint8Array(view.buffer) };
}
