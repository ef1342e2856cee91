import { createSemaphore } from '../../lib/async/semaphore.ts';
import { createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { gatherDeletions, gatherEvents } from '../../lib/aws/gather-requests.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSnsEventSink } from '../../lib/aws/sns-event-sink.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import type { WorkerEnvironment } from '../../lib/contracts/environment.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { Flow } from '../../lib/pipeline/consumer.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import type { Telemetry } from '../telemetry.ts';

export interface Inference {
  /** Over the tokens queue. */
  flow: Flow;
  tokens: Queue;
}

/** Wires the second flow to AWS. */
export function openInference(env: WorkerEnvironment, model: LocalModel, { observer }: Telemetry): Inference {
  const [s3, sqs] = [createS3Client(), createSqsClient()];
  const queue = { client: sqs, maxReceiveCount: env.MAX_RECEIVE_COUNT };
  const flow = createInfer({
    ...{ clock, model, observer },
    input: createS3Store({ client: s3, bucket: env.INPUT_BUCKET, clock }),
    output: createS3Store({ client: s3, bucket: env.OUTPUT_BUCKET, clock, contentType: 'application/json' }),
    events: gatherEvents(createSnsEventSink({ client: createSnsClient(), topicArn: env.RESULTS_TOPIC_ARN }), clock),
    uploads: createSqsQueue({ ...queue, url: env.UPLOADS_QUEUE_URL }),
    preprocessing: preprocessingHash(model.preprocessing, env.SCALED_DECODING),
    // Tokens may wait for minutes, and a picture that is deleted meanwhile must leave nothing.
    confirmSource: true,
    predicting: createSemaphore(model.concurrency),
  });
  const visibilityMs = env.VISIBILITY_SECONDS * 1000;
  const tokens = createSqsQueue({ ...queue, url: env.TOKENS_QUEUE_URL, visibilityMs });
  return { flow, tokens: gatherDeletions(tokens, clock) };
}
