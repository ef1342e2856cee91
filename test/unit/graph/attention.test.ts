import { expect, test } from 'vitest';
import { causalAttention, fullAttention, stripLengths } from '../../../lib/graph/attention.ts';
import { addInput, createGraph } from '../../../lib/graph/graph.ts';

const heads = { n_embd: 96, n_head: 1 };

test.each([
  [1, [1]],
  [64, [64]],
  [256, [256]],
  [257, [128, 129]],
  [1024, [256, 256, 256, 256]],
  [324, [162, 162]],
])('%d positions go in even strips of at most 256', (n, lengths) => {
  expect(stripLengths(heads, n)).toEqual(lengths);
});

test('heads whose size is no multiple of 8 go in one strip', () => {
  expect(stripLengths({ n_embd: 30, n_head: 5 }, 1024)).toEqual([1024]);
});

test('the scale is the true root of the head size: 96, not 81', () => {
  const graph = createGraph('g');
  const packed = addInput(graph, 'qkv', 'float32', [1, 4, 288]);
  causalAttention(graph, heads).attend({ packed }, 4);
  fullAttention(graph, { packed }, heads);
  const scales = graph.nodes.flatMap(({ attributes: { scale } }) => (scale === undefined ? [] : [scale.value]));
  expect(scales).toEqual([1 / Math.sqrt(96), 1 / Math.sqrt(96)]);
});

test('a strip continues with the keys and values of those before it', () => {
  const graph = createGraph('g');
  const attention = causalAttention(graph, heads);
  attention.attend({ packed: 'first' }, 3);
  const { keys, values } = attention;
  attention.attend({ packed: 'second' }, 2);
  const node = graph.nodes.at(-1)!;
  expect(node.inputs.slice(0, 7)).toEqual(['second', '', '', keys, values, 'int32 [4]', 'int32 5']);
  expect(node.outputs.slice(1)).toEqual([attention.keys, attention.values]);
});
