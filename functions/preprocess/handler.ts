import { deliveryOf, type SqsBatchResponse, type SqsEvent } from '../../lib/aws/lambda-delivery.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { maxReceiveCount, retryDelayMs } from '../../lib/contracts/delivery.ts';
import { preprocessEnvironment } from '../../lib/contracts/environment.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { handleDelivery } from '../../lib/pipeline/handle-delivery.ts';
import { createTelemetry } from '../telemetry.ts';
import { openPreprocessor } from './open-preprocessor.ts';

/** Time before Lambda's time limit in which no picture begins: room for the pictures being decoded (milliseconds). */
const reserveMs = 15_000;

const telemetry = createTelemetry({ service: 'preprocess', clock });
const opening = open();
// Each invocation awaits `opening` and fails with its error. Unhandled here, the error would end the process.
opening.catch(telemetry.onStartError);

async function open() {
  const env = readEnvironment(preprocessEnvironment, process.env);
  return { env, ...(await openPreprocessor(env, telemetry)) };
}

/** Lambda's entry: takes a delivery of an uploads queue, returns the messages that must be retried. */
export async function handler(
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<SqsBatchResponse> {
  const { env, flow, queueAt } = await opening;
  // The event names its queue: the uploads queue, or the backfill queue beside it.
  const { messages, queueUrl } = deliveryOf(event, { maxReceiveCount, siblingUrl: env.UPLOADS_QUEUE_URL });
  const signal = AbortSignal.timeout(Math.max(context.getRemainingTimeInMillis() - reserveMs, 0));
  try {
    const options = { queue: queueAt(queueUrl), flow, signal, retryDelayMs, onError: telemetry.onError };
    const failed = await handleDelivery([...messages.values()], options);
    const failures = [...messages].filter(([, message]) => failed.includes(message));
    return { batchItemFailures: failures.map(([itemIdentifier]) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
}
