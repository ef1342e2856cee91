import { forwardGraph, type ImageGptModel } from './forward-graph.ts';
import { addNode, addOutput, addWeight, type Graph, type Node, type Value } from './graph.ts';
import { add, concat, multiply, reshape, split } from './operators.ts';
import { multiplyProjection } from './projection.ts';
import type { BlockWeights, ImageGptWeights, QuantizedBlock, Weight } from './weights.ts';

/** The compared matrices of a block, in the order of the sums. */
const compared = ['attention', 'attentionProjection', 'fc', 'mlpProjection'] as const;

type Compared = (typeof compared)[number];

/** A matrix product of the f32 graph: input [1, rows, k], output [1, rows, columns]. */
interface Product {
  input: Value;
  output: Value;
}

/**
 * A graph that compares each matrix product in f32 with the same product in another number format, on the same input.
 * Inputs: `tokens` int32 [1, length]; BERT models also `mask`. Output: `sums` [n_layer x 4 x 3], for each matrix the
 * sums of f32 x other, f32 squared and other squared. The cosine is first / sqrt(second x third).
 */
export function projectionComparison(model: ImageGptModel, quantized: ImageGptWeights, length: number): Graph {
  const { weights, config } = model;
  const shorter = { config: { ...config, n_positions: length }, weights };
  const graph = forwardGraph(shorter, { features: { layers: [config.n_layer], norm: 'raw', pool: 'mean' } });
  graph.outputs.length = 0; // The features are not needed: compute only the products.
  const nodes = [...graph.nodes];
  const sums = weights.blocks.flatMap((block, layer) => {
    const other = quantized.blocks[layer]?.quantized;
    if (other === undefined) throw new RangeError(`Expected block ${layer} in another number format`);
    return compared.flatMap((name) => compare(graph, nodes, name, block, other, config.n_embd));
  });
  const scalars = sums.map((sum) => reshape(graph, sum, [1]));
  addOutput(graph, 'sums', concat(graph, scalars, 0), 'float32', [scalars.length]);
  return graph;
}

/** The three sums of one matrix over all strips. */
function compare(
  graph: Graph,
  nodes: readonly Node[],
  name: Compared,
  block: BlockWeights,
  other: QuantizedBlock,
  d: number,
): Value[] {
  const strips = productsOf(graph, nodes, name, block, d).map(({ input, output }) => {
    const inF32 = name === 'attention' ? dividedValues(graph, output, other.valueScales, d) : output;
    const inOther = multiplyProjection(graph, inputOf(graph, input, name, block, other), other[name]);
    return [
      sumOfProducts(graph, inF32, inOther),
      sumOfProducts(graph, inF32, inF32),
      sumOfProducts(graph, inOther, inOther),
    ];
  });
  return strips.reduce((totals, strip) => totals.map((total, i) => add(graph, total, strip[i] ?? '')));
}

/** All products with one matrix, one per strip. OpenAI's three products for q, k and v are joined. */
function productsOf(graph: Graph, nodes: readonly Node[], name: Compared, block: BlockWeights, d: number): Product[] {
  const shape = [d, d];
  const all = (weight: Weight, options = {}): Product[] => {
    const value = addWeight(graph, weight, options);
    return nodes
      .filter(({ inputs }) => inputs[1] === value)
      .map(({ inputs, outputs }) => ({ input: inputs[0] ?? '', output: outputs[0] ?? '' }));
  };
  switch (name) {
    case 'attention': {
      const { attention } = block;
      if (attention.layout === 'packed') return all(attention.weight);
      const [keys, values] = [all(attention.k, { shape }), all(attention.v, { shape })];
      return all(attention.q, { shape }).map(({ input, output }, i) => ({
        input,
        output: concat(graph, [output, keys[i]?.output ?? '', values[i]?.output ?? ''], 2), // [1, rows, 3d]
      }));
    }
    case 'attentionProjection':
      return all(block.attentionProjection, { shape });
    case 'fc':
      return all(block.fc);
    case 'mlpProjection':
      return all(block.mlpProjection);
  }
}

/** The input of the product in the other format: divided by the folded gain, or by the scales of the values. */
function inputOf(graph: Graph, input: Value, name: Compared, block: BlockWeights, other: QuantizedBlock): Value {
  switch (name) {
    case 'attention':
      return other.foldedLn1 === undefined ? input : divide(graph, input, block.ln1);
    case 'attentionProjection':
      return divide(graph, input, other.valueScales);
    case 'fc':
      return other.foldedLn2 === undefined ? input : divide(graph, input, block.ln2);
    case 'mlpProjection':
      return input;
  }
}

/** q | k | v [1, rows, 3d], with v divided by its scales. */
function dividedValues(graph: Graph, packed: Value, scales: Weight, d: number): Value {
  const [queriesAndKeys = '', values = ''] = split(graph, packed, [2 * d, d], 2);
  return concat(graph, [queriesAndKeys, divide(graph, values, scales)], 2);
}

function divide(graph: Graph, value: Value, scales: Weight): Value {
  return addNode(graph, 'Div', [value, addWeight(graph, scales)]);
}

function sumOfProducts(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, 'ReduceSum', [multiply(graph, a, b)], { keepdims: { kind: 'int', value: 0 } });
}
