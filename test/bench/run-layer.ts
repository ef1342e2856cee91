import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { anonymousMemory, mappedMemory } from '../support/process-tree.ts';
import { benchThreads } from './context.ts';
import { inOwnProcess } from './own-process.ts';

const report = z.object({
  /** Private memory after opening (bytes). */
  opened: z.number(),
  /** Private memory after one picture (bytes). */
  own: z.number(),
  /** Pages of the weight files that the picture loaded (bytes). */
  mapped: z.number(),
  /** Seconds for one picture. */
  seconds: z.number(),
});

/** Memory and time of the features of one layer. */
export type LayerReport = z.infer<typeof report>;

/** Opens the checkpoint for features of `layer` and runs one picture, in its own process. */
export async function measureLayer(directory: string, layer: number): Promise<LayerReport> {
  return inOwnProcess(import.meta.filename, [directory, String(layer)], report);
}

async function run(directory: string, layer: number): Promise<LayerReport> {
  globalThis.gc?.();
  const before = { own: await anonymousMemory('self'), mapped: await mappedMemory('self') };
  const { config, weights } = await openCheckpoint(directory);
  const request = { features: { layers: [layer], norm: 'next', pool: 'mean' } } as const;
  const forward = await openForward({ config, weights }, request, { threads: benchThreads });
  const opened = (await anonymousMemory('self')) - before.own;
  const start = performance.now();
  await forward.execute(new Int32Array(config.n_positions));
  const seconds = (performance.now() - start) / 1000;
  return {
    opened,
    own: (await anonymousMemory('self')) - before.own,
    mapped: (await mappedMemory('self')) - before.mapped,
    seconds,
  };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await run(process.argv[2] ?? '', Number(process.argv[3]))));
}
