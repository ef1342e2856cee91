import { createOpener } from '../../lib/async/opener.ts';
import type { SqsBatchResponse, SqsEvent } from '../../lib/aws/lambda-delivery.ts';
import { isProofRequest, type ProofAnswer, type ProofRequest } from '../../lib/contracts/function-proof.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { QueueMessage } from '../../lib/ports/queue.ts';
import { ThreadUnusableError } from '../../lib/runtime/thread-pool.ts';
import { answerDelivery, type LambdaContext } from '../answer-delivery.ts';
import { proveModel } from '../prove-model.ts';
import { createTelemetry } from '../telemetry.ts';
import { isBundled, openFunction } from './open-function.ts';

// The infer flow has the same metrics in the worker and in the function.
const telemetry = createTelemetry({ service: 'worker', clock });
const opener = createOpener(open);
// Lambda gives a process 10 s to start, which a model on S3 may exceed. The first invocation opens that one, and tries
// again if this fails.
if (isBundled(process.env)) opener.get().catch(() => {});

async function open() {
  try {
    return await openFunction(import.meta.dirname, telemetry);
  } catch (error) {
    telemetry.onUnusable(error);
    throw error;
  }
}

function onError(error: unknown, message?: QueueMessage): void {
  telemetry.onError(error, message);
  // Every further picture of this model would fail, so the next invocation opens it anew.
  if (error instanceof ThreadUnusableError && opener.forget()) telemetry.onUnusable(error);
}

/** Lambda's entry: takes a delivery of the tokens queue, returns the messages that must be retried; or proves the model. */
export async function handler(
  event: SqsEvent | ProofRequest,
  context: LambdaContext,
): Promise<SqsBatchResponse | ProofAnswer> {
  try {
    const { model, ...options } = await opener.get();
    if (!isProofRequest(event)) return await answerDelivery(event, context, { ...options, onError });
    await proveModel(model);
    return { proved: true, model: model.id };
  } finally {
    telemetry.flush();
  }
}
