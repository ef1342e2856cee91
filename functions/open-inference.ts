import { createSemaphore } from '../lib/async/semaphore.ts';
import { gatherEvents } from '../lib/aws/gather-requests.ts';
import { preprocessingHash } from '../lib/checkpoint/preprocessing-hash.ts';
import type { InferEnvironment, WorkerEnvironment } from '../lib/contracts/environment.ts';
import { systemClock as clock } from '../lib/local/system-clock.ts';
import type { Flow } from '../lib/pipeline/consumer.ts';
import { createInfer } from '../lib/pipeline/infer.ts';
import type { LocalModel } from '../lib/runtime/model.ts';
import { type DeployedPorts, openPorts } from './open-ports.ts';
import type { Telemetry } from './telemetry.ts';

export interface Inference {
  /** The infer flow, for the tokens queue. */
  flow: Flow;
  queueAt: DeployedPorts['queueAt'];
}

/** Wires the infer flow to AWS, for the worker and for the function. */
export function openInference(
  env: WorkerEnvironment | InferEnvironment,
  model: LocalModel,
  { observer }: Telemetry,
): Inference {
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
  return { flow, queueAt };
}
