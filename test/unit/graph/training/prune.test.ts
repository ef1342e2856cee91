import { expect, test } from 'vitest';
import { addConstant, addInput, addOutput, createGraph } from '../../../../lib/graph/graph.ts';
import { add, multiply } from '../../../../lib/graph/operators.ts';
import { prune } from '../../../../lib/graph/training/prune.ts';

test('takes out what no output needs, and keeps the order of the rest', () => {
  const graph = createGraph('g');
  addInput(graph, 'a', 'float32', [1]);
  addInput(graph, 'unused', 'float32', [1]);
  addConstant(graph, 'two', Float32Array.of(2), [1]);
  addConstant(graph, 'three', Float32Array.of(3), [1]);
  const sum = add(graph, 'a', 'two');
  add(graph, sum, 'three');
  addOutput(graph, 'y', multiply(graph, sum, sum), 'float32', [1]);
  prune(graph);
  expect(graph.nodes.map(({ operator }) => operator)).toEqual(['Add', 'Mul', 'Identity']);
  expect(graph.inputs.map(({ name }) => name)).toEqual(['a']);
  expect([...graph.initializers.keys()]).toEqual(['two']);
});
