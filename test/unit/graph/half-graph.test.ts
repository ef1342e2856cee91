import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { Batch } from '../../../lib/graph/attention.ts';
import { forwardGraph } from '../../../lib/graph/forward-graph.ts';
import type { Graph } from '../../../lib/graph/graph.ts';
import { halfGraph } from '../../../lib/graph/half-graph.ts';
import { writeOnnx } from '../../../lib/graph/onnx-writer.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { openSession } from '../../../lib/runtime/session.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const request = { features: { layers: [1, 2], norm: 'next', pool: 'mean' }, classes: true, likelihood: true } as const;
const shape: TinyCheckpointOptions = { n_embd: 32, n_head: 2, size: 6, n_colors: 32, classes: 5 };

/** For each output, the largest difference to the graph for CPUs, relative to the largest value. */
async function differences(options: TinyCheckpointOptions, half: boolean, batch: Batch): Promise<number[]> {
  await using tiny = await tinyCheckpoint(options);
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const exact = await openCheckpoint(tiny.directory);
  const { n_positions: n, n_colors } = exact.config;
  const tokens = Int32Array.from({ length: batch.pictures }, (_, i) => i).reduce<number[]>(
    (all, i) => all.concat([...randomTokens(i, n, n_colors)]),
    [],
  );
  const forward = await openForward(exact, request);
  const expected = await forward.execute(Int32Array.from(tokens));
  await forward.close();
  const model = half ? (await inPrecision(exact, 'f16', { folder })).checkpoint : exact;
  const wide = forwardGraph(model, request, batch);
  const graph: Graph = half ? halfGraph(wide) : wide;
  const session = await openSession(writeOnnx(graph), { directory: model.weights.directory });
  const dims = [batch.pictures, n];
  const outputs = await session.execute({
    tokens: { type: 'int32', data: Int32Array.from(tokens), dims },
    ...(options.objective === 'bert' && { mask: { type: 'bool', data: new Uint8Array(tokens.length), dims } }),
  });
  await session.close();
  await rm(folder, { recursive: true });
  return [...expected].map(([name, { data, dims: shape }]) => {
    const output = outputs.get(name)!;
    expect(output.dims).toEqual(shape);
    const most = Math.max(...data.map(Math.abs));
    return Math.max(...data.map((value, i) => Math.abs(value - output.data[i]!))) / most;
  });
}

const cases: [string, TinyCheckpointOptions][] = [
  ['Hugging Face', shape],
  ['OpenAI', { ...shape, layout: 'openai' }],
  ['BERT', { ...shape, objective: 'bert' }],
  ['heads of 6', { ...shape, n_embd: 30, n_head: 5 }],
  // 289 tokens: two strips of queries.
  ['more tokens than a strip', { ...shape, size: 17 }],
  ['BERT with more tokens than a strip', { ...shape, size: 17, objective: 'bert' }],
];

// Graphs for GPUs, executed on the CPU: onnxruntime adds casts where the CPU has no 16-bit kernel.
test.each(cases)('a batch of pictures gives the numbers of single pictures, %s', async (_, options) => {
  for (const attention of ['fused', 'plain'] as const) {
    const found = await differences(options, false, { pictures: 3, attention });
    for (const difference of found) expect(difference).toBeLessThan(1e-5);
  }
});

test.each(cases)('a batch in 16 bits gives the same numbers within their precision, %s', async (_, options) => {
  for (const attention of ['fused', 'plain'] as const) {
    const found = await differences(options, true, { pictures: 2, attention });
    for (const difference of found) expect(difference).toBeLessThan(5e-3);
  }
});

test('only the outputs and the sums of the likelihood are widened', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const { checkpoint } = await inPrecision(await openCheckpoint(tiny.directory), 'f16', { folder });
  const graph = halfGraph(forwardGraph(checkpoint, request, { pictures: 2, attention: 'fused' }));
  await rm(folder, { recursive: true });
  expect(graph.nodes.filter(({ operator }) => operator === 'Cast').length).toBe(3);
  expect([...graph.initializers.values()].filter(({ type }) => type === 'float32')).toEqual([]);
});

test('f32 weights are refused', async () => {
  await using tiny = await tinyCheckpoint(shape);
  const graph = forwardGraph(await openCheckpoint(tiny.directory), request, { pictures: 2, attention: 'fused' });
  expect(() => halfGraph(graph)).toThrow(/every weight in F16/);
});
