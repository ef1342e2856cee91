import { gatherDeletions } from '../../lib/aws/gather-requests.ts';
import { retryDelayMs } from '../../lib/contracts/delivery.ts';
import type { WorkerEnvironment } from '../../lib/contracts/environment.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { workUntilStopped } from '../../lib/pipeline/consumer.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import { ThreadUnusableError } from '../../lib/runtime/thread-pool.ts';
import { openInference } from '../open-inference.ts';
import type { Telemetry } from '../telemetry.ts';

/** Receivers that long-poll the queue, and the messages that they hold together (up to 100 pictures each). */
export const receiving = { consumers: 2, prefetch: 8 };

/**
 * Time at the end of the drain in which nothing new begins: the model finishes, the rest is released (milliseconds).
 */
const reserveMs = 10_000;

/**
 * Works on the tokens queue until `stop` aborts, then drains.
 *
 * @throws {ThreadUnusableError} when a thread of the model cannot be used any more
 */
export async function runInference(
  env: WorkerEnvironment,
  model: LocalModel,
  telemetry: Telemetry,
  stop: AbortController,
): Promise<void> {
  const { flow, queueAt } = openInference(env, model, telemetry);
  const visibilityMs = env.VISIBILITY_SECONDS * 1000;
  const giveUp = new AbortController();
  let broken: ThreadUnusableError | undefined;
  await workUntilStopped({
    queue: gatherDeletions(queueAt(env.TOKENS_QUEUE_URL, visibilityMs), clock),
    flow,
    clock,
    retryDelayMs,
    signal: stop.signal,
    giveUp,
    ...receiving,
    visibilityMs,
    drainMs: Math.max(env.DRAIN_SECONDS * 1000 - reserveMs, 0),
    onError(error, message) {
      telemetry.onError(error, message);
      if (!(error instanceof ThreadUnusableError)) return;
      // Without a usable thread, every further picture would fail.
      broken = error;
      stop.abort();
      giveUp.abort();
    },
  });
  if (broken !== undefined) throw broken;
}
