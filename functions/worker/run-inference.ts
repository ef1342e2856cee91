import { createSemaphore } from '../../lib/async/semaphore.ts';
import { gatherDeletions, gatherEvents } from '../../lib/aws/gather-requests.ts';
import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import { retryDelayMs } from '../../lib/contracts/delivery.ts';
import type { WorkerEnvironment } from '../../lib/contracts/environment.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { type Flow, workUntilStopped } from '../../lib/pipeline/consumer.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import { ThreadUnusableError } from '../../lib/runtime/thread-pool.ts';
import { openPorts } from '../open-ports.ts';
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
  const { flow, tokens: queue } = openInference(env, model, telemetry);
  const giveUp = new AbortController();
  let broken: ThreadUnusableError | undefined;
  await workUntilStopped({
    queue,
    flow,
    clock,
    retryDelayMs,
    signal: stop.signal,
    giveUp,
    ...receiving,
    visibilityMs: env.VISIBILITY_SECONDS * 1000,
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

export interface Inference {
  /** The infer flow, for the tokens queue. */
  flow: Flow;
  tokens: Queue;
}

/** Wires the infer flow to AWS. */
export function openInference(env: WorkerEnvironment, model: LocalModel, { observer }: Telemetry): Inference {
  const { input, output, events, queueAt } = openPorts(env);
  const flow = createInfer({
    clock,
    model,
    observer,
    input,
    output,
    events: gatherEvents(events, clock),
    uploads: queueAt(env.UPLOADS_QUEUE_URL),
    preprocessing: preprocessingHash(model.preprocessing, env.SCALED_DECODING),
    // Tokens may wait for minutes. A picture that is deleted meanwhile must leave no outcome.
    confirmSource: true,
    predicting: createSemaphore(model.concurrency),
  });
  return { flow, tokens: gatherDeletions(queueAt(env.TOKENS_QUEUE_URL, env.VISIBILITY_SECONDS * 1000), clock) };
}
