import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../../../lib/graph/forward-graph.ts';
import type { Graph } from '../../../lib/graph/graph.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

async function tinyModel(options: TinyCheckpointOptions = {}): Promise<ImageGptModel> {
  await using checkpoint = await tinyCheckpoint(options);
  return await openCheckpoint(checkpoint.directory);
}

function weightNames(graph: Graph): string[] {
  return [...graph.initializers.values()].filter((value) => 'file' in value).map((value) => value.name);
}

function meanOf(...layers: number[]): ForwardRequest {
  return { features: { layers, norm: 'next', pool: 'mean' } };
}

test('the graph ends at the highest requested layer', async () => {
  const graph = forwardGraph(await tinyModel({ n_layer: 4 }), meanOf(1, 2));
  const names = weightNames(graph).join();
  expect(names).toContain('h.1.mlp.c_proj.weight');
  expect(names).toContain('h.2.ln_1.weight');
  expect(names).not.toMatch(/h\.2\.attn|h\.3|lm_head|score|ln_f/);
});

test('layer 0 needs no block', async () => {
  const graph = forwardGraph(await tinyModel(), meanOf(0));
  expect(graph.nodes.map((node) => node.operator)).not.toContain('GroupQueryAttention');
});

test('several outputs share one pass through the blocks', async () => {
  const model = await tinyModel({ n_layer: 3 });
  const graph = forwardGraph(model, { ...meanOf(1, 2), classes: true, likelihood: true, logits: true });
  const count = (operator: string) => graph.nodes.filter((node) => node.operator === operator).length;
  expect(count('GroupQueryAttention')).toBe(3);
  expect(count('FusedMatMul')).toBe(2); // score and lm_head
  expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['features', [1, 32]],
    ['classes', [1, 3]],
    ['logits', [1, 16, 8]],
    ['likelihood', [1, 16]],
  ]);
});

test('the checkpoint is never rewritten: weights are neither transposed nor cast, in either layout', async () => {
  for (const layout of ['huggingface', 'openai'] as const) {
    const graph = forwardGraph(await tinyModel({ layout }), { logits: true, classes: true });
    for (const node of graph.nodes.filter((node) => ['Transpose', 'Cast', 'Reshape'].includes(node.operator))) {
      for (const input of node.inputs) expect(weightNames(graph)).not.toContain(input);
    }
  }
});

test('a probe replaces the class head and has its own layers', async () => {
  const model = await tinyModel({ n_layer: 3 });
  const probe = { layers: [0, 1], norm: 'raw', weight: new Float32Array(2 * 32), bias: new Float32Array(2) } as const;
  const graph = forwardGraph({ ...model, probe }, { classes: true });
  expect(graph.outputs).toMatchObject([{ name: 'classes', shape: [1, 2] }]);
  expect(weightNames(graph).join()).not.toMatch(/score|h\.1\.attn/);
});

test('a BERT model has an input for the mask, an autoregressive one has not', async () => {
  const names = (graph: Graph) => graph.inputs.map((input) => input.name);
  expect(names(forwardGraph(await tinyModel({ objective: 'bert' }), meanOf(1)))).toEqual(['tokens', 'mask']);
  expect(names(forwardGraph(await tinyModel(), meanOf(1)))).toEqual(['tokens']);
});

test('the error for an output without weights names the missing tensor', async () => {
  const model = await tinyModel({ classes: 0, lmHead: false });
  expect(() => forwardGraph(model, { classes: true })).toThrow(
    expect.objectContaining({ code: 'output_unavailable', message: expect.stringContaining('score.weight') }),
  );
  expect(() => forwardGraph(model, { likelihood: true })).toThrow(
    expect.objectContaining({ code: 'output_unavailable', message: expect.stringContaining('lm_head.weight') }),
  );
});

test.each([-1, 3, 0.5])('layer %d is refused in a model with two', async (layer) => {
  const model = await tinyModel({ n_layer: 2 });
  expect(() => forwardGraph(model, meanOf(layer))).toThrow(
    expect.objectContaining({
      code: 'layer_out_of_range',
      message: `Expected a layer from 0 to 2, received ${layer}.`,
    }),
  );
});
