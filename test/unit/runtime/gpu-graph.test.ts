import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { gpuGraph } from '../../../lib/runtime/gpu-graph.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

test('8 bits on a GPU are refused instead of being handed back to the processor', async () => {
  await using tiny = await tinyCheckpoint();
  const folder = await mkdtemp(join(tmpdir(), 'derived-'));
  const { checkpoint } = await inPrecision(await openCheckpoint(tiny.directory), 'int8', { folder });
  await expect(openForward(checkpoint, { classes: true }, { provider: 'cuda' })).rejects.toMatchObject({
    code: 'precision_unavailable',
  });
  await rm(folder, { recursive: true });
});

test('CUDA gets the fused attention, WebGPU plain operators', async () => {
  await using tiny = await tinyCheckpoint();
  const model = await openCheckpoint(tiny.directory);
  const operators = (provider: 'cuda' | 'webgpu') =>
    new Set(gpuGraph(model, { classes: true }, provider, 4).nodes.map(({ operator }) => operator));
  expect(operators('cuda').has('GroupQueryAttention')).toBe(true);
  expect(operators('webgpu').has('GroupQueryAttention')).toBe(false);
  expect(gpuGraph(model, { classes: true }, 'cuda', 4).inputs[0]?.shape).toEqual([4, 16]);
});
