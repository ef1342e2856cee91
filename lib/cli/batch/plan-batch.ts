import type { BatchJob } from '../../contracts/batch.ts';
import { type PlanOptions, planJob } from '../../pipeline/batch/batch-job.ts';
import type { Stop } from '../interrupt.ts';
import { sameCommand } from '../invocation.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';

/** The job of an output, see {@link planJob}; undefined when an interrupt came first, which has been said then. */
export async function planBatch(
  options: Omit<PlanOptions, 'signal' | 'onListed'>,
  bar: ProgressBar,
  stop: Stop,
): Promise<BatchJob | undefined> {
  const { signal } = stop;
  try {
    return await planJob({
      ...options,
      signal,
      onListed: (pictures) => bar.update(pictures, undefined, 'listing'),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    bar.stop();
    sayStopped(stop);
    return undefined;
  }
}

/** Ends a command that an interrupt ended, with how to go on. */
export function sayStopped(stop: Stop): void {
  process.stderr.write(`\nStopped before the end; complete shards are kept. To go on: ${sameCommand()}\n`);
  process.exitCode = stop.exitCode();
}
