import { type Attribute, addIntegerMatrix, addNode, addWeight, type Graph, type Value } from './graph.ts';
import { matMul } from './operators.ts';
import type { IntegerMatrix, Projection, Weight } from './weights.ts';

/**
 * MatMulNBits' accuracy_level for products of 8-bit integers. At lower levels, every execution widens the weights.
 */
const integerProducts = 4;

/** [batch, n, k] x [k, columns] -> [batch, n, columns], in the projection's number format. */
export function multiplyProjection(graph: Graph, input: Value, projection: Projection): Value {
  switch (projection.format) {
    case 'f32':
      return matMul(graph, input, addWeight(graph, projection.weight));
    case 'int8': {
      const inputs = [input, addIntegerMatrix(graph, projection.values), addWeight(graph, projection.scales)];
      return addNode(graph, 'DynamicQuantizeMatMul', inputs, {}, 'com.microsoft');
    }
    case 'int8-block':
      return multiplyBlocks(graph, input, projection);
  }
}

function multiplyBlocks(
  graph: Graph,
  input: Value,
  { inputs: k, values, scales }: { inputs: number; values: IntegerMatrix; scales: Weight },
): Value {
  const [columns = 0, , block = 0] = values.shape;
  const int = (value: number): Attribute => ({ kind: 'int', value });
  const attributes = {
    K: int(k),
    N: int(columns),
    bits: int(8),
    block_size: int(block),
    accuracy_level: int(integerProducts),
  };
  const inputs = [input, addIntegerMatrix(graph, values), addWeight(graph, scales)];
  return addNode(graph, 'MatMulNBits', inputs, attributes, 'com.microsoft');
}
