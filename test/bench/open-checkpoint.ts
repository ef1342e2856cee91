import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../lib/graph/forward-graph.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { anonymousMemory } from '../support/process-tree.ts';
import { inOwnProcess } from './own-process.ts';

const report = z.object({
  /** Size of the weight files (bytes). */
  weights: z.number(),
  /** Seconds to open the checkpoint and its first session. */
  seconds: z.number(),
  /** Private memory of the first session (bytes). */
  first: z.number(),
  /** Private memory of each further session (bytes); 0 if none was opened. */
  further: z.number(),
});

/** Time and memory of opening a checkpoint. */
export type OpeningReport = z.infer<typeof report>;

export interface OpeningOptions {
  /** Open for features of this layer (default: for the likelihood, which needs all layers). */
  layer?: number | undefined;
  /** Number of sessions to open after the first, which stay open (default 4). */
  further?: number;
}

/** Opens the checkpoint in its own process, where nothing else takes memory. */
export async function measureOpening(directory: string, options: OpeningOptions = {}): Promise<OpeningReport> {
  return inOwnProcess(import.meta.filename, [directory, JSON.stringify(options)], report);
}

async function open(directory: string, { layer, further = 4 }: OpeningOptions): Promise<OpeningReport> {
  const settled = async (): Promise<number> => {
    globalThis.gc?.();
    return anonymousMemory('self');
  };
  const request: ForwardRequest =
    layer === undefined ? { likelihood: true } : { features: { layers: [layer], norm: 'next', pool: 'mean' } };
  const before = await settled();
  const start = performance.now();
  const { config, weights, weightBytes } = await openCheckpoint(directory);
  await openForward({ config, weights }, request);
  const seconds = (performance.now() - start) / 1000;
  const one = await settled();
  for (let i = 0; i < further; i += 1) await openForward({ config, weights }, request);
  const more = await settled();
  return { weights: weightBytes, seconds, first: one - before, further: further === 0 ? 0 : (more - one) / further };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await open(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '{}'))));
}
