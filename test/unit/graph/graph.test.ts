import { expect, test } from 'vitest';
import { addConstant, addWeight, createGraph } from '../../../lib/graph/graph.ts';
import type { Weight } from '../../../lib/graph/weights.ts';

const weight: Weight = { name: 'w', file: 'm', offset: 100, length: 24, dtype: 'F32', shape: [3, 2] };

test('a weight that is added twice is one constant', () => {
  const graph = createGraph('g');
  expect(addWeight(graph, weight)).toBe(addWeight(graph, weight));
  expect(graph.initializers.size).toBe(1);
});

test('other dimensions for the same bytes are another constant, not a copy', () => {
  const graph = createGraph('g');
  const name = addWeight(graph, weight, { shape: [2, 3] });
  expect(graph.initializers.get(name)).toMatchObject({ shape: [2, 3], offset: 100, length: 24 });
});

test('rows of a weight have their own offset in the file', () => {
  const graph = createGraph('g');
  const name = addWeight(graph, weight, { rows: { start: 2, count: 1 } });
  expect(graph.initializers.get(name)).toMatchObject({ shape: [1, 2], offset: 116, length: 8 });
});

test('a 16-bit weight is widened to float32 once', () => {
  const graph = createGraph('g');
  const half: Weight = { ...weight, length: 12, dtype: 'F16' };
  const value = addWeight(graph, half);
  addWeight(graph, half);
  expect([...graph.initializers.values()]).toMatchObject([{ type: 'float16', length: 12 }]);
  expect(graph.nodes).toMatchObject([{ operator: 'Cast', outputs: [value], attributes: { to: { value: 1 } } }]);
});

test('dimensions that do not fit the bytes are refused', () => {
  expect(() => addWeight(createGraph('g'), weight, { shape: [5] })).toThrow('Expected 3 rows of w [3,2] as [5]');
  expect(() => addWeight(createGraph('g'), weight, { rows: { start: 2, count: 2 } })).toThrow('Expected 2 rows of w');
  expect(() => addConstant(createGraph('g'), 'c', Float32Array.of(1), [2])).toThrow('Expected [2] of float32 for c');
});
