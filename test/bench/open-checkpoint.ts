import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../lib/graph/forward-graph.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { anonymousMemory } from './process-tree.ts';

const report = z.object({
  /** Bytes of the weight files. */
  weights: z.number(),
  /** Opening the checkpoint and its first session. */
  seconds: z.number(),
  /** Memory of its own that the first session took, bytes. */
  first: z.number(),
  /** The same for each further one. */
  further: z.number(),
});

/** What opening a checkpoint cost. */
export type OpeningReport = z.infer<typeof report>;

const FURTHER_SESSIONS = 4;

/** Opens the checkpoint in a process of its own, where nothing else takes memory: features of `layer`, or all layers' likelihood. */
export async function measureOpening(directory: string, layer?: number): Promise<OpeningReport> {
  const args = ['--expose-gc', import.meta.filename, directory, ...(layer === undefined ? [] : [String(layer)])];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return report.parse(JSON.parse(stdout));
}

async function open(directory: string, layer: string | undefined): Promise<OpeningReport> {
  const settled = async (): Promise<number> => {
    globalThis.gc?.();
    return anonymousMemory('self');
  };
  const request: ForwardRequest =
    layer === undefined ? { likelihood: true } : { features: { layers: [Number(layer)], norm: 'next', pool: 'mean' } };
  const before = await settled();
  const start = performance.now();
  const { config, weights, weightBytes } = await openCheckpoint(directory);
  await openForward({ config, weights }, request);
  const seconds = (performance.now() - start) / 1000;
  const one = await settled();
  for (let i = 0; i < FURTHER_SESSIONS; i += 1) await openForward({ config, weights }, request);
  const more = await settled();
  return { weights: weightBytes, seconds, first: one - before, further: (more - one) / FURTHER_SESSIONS };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await open(process.argv[2] ?? '', process.argv[3])));
}
