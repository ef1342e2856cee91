import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { decodeStepGraph, prefillGraph } from '../../../lib/graph/decode-graphs.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

test('a step reads the cache and returns only the new rows', async () => {
  await using checkpoint = await tinyCheckpoint();
  const graph = decodeStepGraph(await openCheckpoint(checkpoint.directory), 3);
  expect(graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['tokens', [3]],
    ['position', [1]],
    ['visible', [1, 1, 1, 'capacity']],
    ['keys.0', [3, 2, 'capacity', 8]],
    ['values.0', [3, 2, 'capacity', 8]],
    ['keys.1', [3, 2, 'capacity', 8]],
    ['values.1', [3, 2, 'capacity', 8]],
  ]);
  expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['logits', [3, 8]],
    ['rows', [4, 3, 2, 8]],
  ]);
  const concatenated = graph.nodes.filter(({ operator }) => operator === 'Concat').flatMap(({ inputs }) => inputs);
  expect(concatenated.filter((input) => /^(keys|values)\./.test(input))).toEqual([]);
});

test('one pass reads the given tokens and returns all their rows', async () => {
  await using checkpoint = await tinyCheckpoint();
  const graph = prefillGraph(await openCheckpoint(checkpoint.directory), 5);
  expect(graph.inputs).toEqual([{ name: 'tokens', type: 'int32', shape: [1, 5] }]);
  expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['logits', [1, 8]],
    ['rows', [4, 2, 5, 8]],
  ]);
});

test('a model without lm_head cannot be sampled from', async () => {
  await using checkpoint = await tinyCheckpoint({ lmHead: false });
  const model = await openCheckpoint(checkpoint.directory);
  expect(() => decodeStepGraph(model, 2)).toThrow(expect.objectContaining({ code: 'output_unavailable' }));
  expect(() => prefillGraph(model, 2)).toThrow(expect.objectContaining({ code: 'output_unavailable' }));
});
