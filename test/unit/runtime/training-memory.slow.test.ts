import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchCheckpoint } from '../../bench/scratch-checkpoint.ts';
import { measureTraining } from '../../bench/training-memory.ts';

test('recomputing activations takes less than half of the memory, 8 layers of width 512', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'training-memory-'));
  const shape = { n_embd: 512, n_layer: 8, n_head: 8, n_positions: 256 };
  const directory = await scratchCheckpoint(join(folder, 'model'), shape);
  const peak = async (batch: number, recompute: boolean) =>
    (await measureTraining({ directory, batch, recompute, threads: 1, steps: 1 })).peak;
  // The smallest batch shows the memory of the process without activations.
  const base = await peak(1, true);
  const [plain, recomputed] = [await peak(8, false), await peak(8, true)];
  expect(recomputed - base).toBeLessThan((plain - base) / 2);
  await rm(folder, { recursive: true });
});
