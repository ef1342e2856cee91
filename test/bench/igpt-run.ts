import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { peakMemory } from '../support/process-tree.ts';

const igptCommand = join(import.meta.dirname, '../../lib/cli/igpt.js');

const summary = z.object({ type: z.literal('summary'), seen: z.int(), succeeded: z.int() });

/** Time and memory of a whole `igpt run`. */
export interface IgptRun {
  /** From the start to the end of the process. */
  seconds: number;
  /** Seconds until the first outcome: start-up, and one picture in each model thread. */
  firstOutcome: number;
  /** Peak memory of the process and its children together (bytes); 0 without `watchMemory`. */
  peakBytes: number;
}

/** Runs `igpt run` on a folder in its own process, into a new folder that is removed afterwards. */
export async function igptRun(
  pictures: string,
  options: readonly string[],
  { watchMemory = false }: { watchMemory?: boolean } = {},
): Promise<IgptRun> {
  const out = await mkdtemp(join(tmpdir(), 'igpt-bench-'));
  try {
    const start = performance.now();
    const child = spawn(process.execPath, [igptCommand, 'run', pictures, '--out', out, '--no-report', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let last = '';
    let firstOutcome = Number.NaN;
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (last === '') firstOutcome = (performance.now() - start) / 1000;
      last = `${last}${chunk.toString()}`.slice(-1000);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk.toString()}`.slice(-1000);
    });
    const ended = once(child, 'close');
    const peakBytes = watchMemory && child.pid !== undefined ? await peakMemory(child.pid, ended) : 0;
    await ended;
    const seconds = (performance.now() - start) / 1000;
    if (child.exitCode !== 0)
      throw new Error(`Expected igpt run to exit with 0, received ${child.exitCode}: ${errors.trim()}`);
    const { seen, succeeded } = summary.parse(JSON.parse(last.trim().split('\n').at(-1) ?? ''));
    if (seen !== succeeded) throw new Error(`Expected all ${seen} pictures to succeed, ${succeeded} did`);
    return { seconds, firstOutcome, peakBytes };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
