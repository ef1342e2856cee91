import { createOpener } from '../../lib/async/opener.ts';
import type { SqsBatchResponse, SqsEvent } from '../../lib/aws/lambda-delivery.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { preprocessEnvironment } from '../../lib/contracts/environment.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { answerDelivery, type LambdaContext } from '../answer-delivery.ts';
import { createTelemetry } from '../telemetry.ts';
import { openPreprocessor } from './open-preprocessor.ts';

/** Time before Lambda's time limit in which no picture begins: room for the pictures being decoded (milliseconds). */
const reserveMs = 15_000;

const telemetry = createTelemetry({ service: 'preprocess', clock });
const opener = createOpener(open);
// While Lambda starts the process. The first invocation tries again if this fails.
opener.get().catch(() => {});

async function open() {
  try {
    const env = readEnvironment(preprocessEnvironment, process.env);
    return { siblingUrl: env.UPLOADS_QUEUE_URL, ...(await openPreprocessor(env, telemetry)) };
  } catch (error) {
    telemetry.onUnusable(error);
    throw error;
  }
}

/** Lambda's entry: takes a delivery of an uploads queue, returns the messages that must be retried. */
export async function handler(event: SqsEvent, context: LambdaContext): Promise<SqsBatchResponse> {
  try {
    // The event names its queue: the uploads queue, or the backfill queue beside it.
    const options = { ...(await opener.get()), reserveMs: () => reserveMs, onError: telemetry.onError };
    return await answerDelivery(event, context, options);
  } finally {
    telemetry.flush();
  }
}
