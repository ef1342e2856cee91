import { createS3Client, createSnsClient, createSqsClient } from '../lib/aws/clients.ts';
import { createS3Store } from '../lib/aws/s3-store.ts';
import { createSnsEventSink } from '../lib/aws/sns-event-sink.ts';
import { createSqsQueue } from '../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../lib/contracts/delivery.ts';
import type { InferEnvironment, PreprocessEnvironment, WorkerEnvironment } from '../lib/contracts/environment.ts';
import type { PipelineEvent } from '../lib/contracts/event.ts';
import { systemClock as clock } from '../lib/local/system-clock.ts';
import { ImageGptError } from '../lib/ports/error.ts';
import type { ObjectStore } from '../lib/ports/object-store.ts';
import type { EventSink, Queue } from '../lib/ports/queue.ts';

/** The parts of a deployment do not fit together, so a process must not start. */
export class DeploymentError extends ImageGptError {}

/** The ports of a deployed flow. */
export interface DeployedPorts {
  input: ObjectStore;
  output: ObjectStore;
  events: EventSink<PipelineEvent>;
  /** `visibilityMs`: how long a received message stays hidden (milliseconds; default: the queue's own setting). */
  queueAt(url: string, visibilityMs?: number): Queue;
}

/** Opens the buckets, the queues and the topic that the environment names. */
export function openPorts(env: PreprocessEnvironment | WorkerEnvironment | InferEnvironment): DeployedPorts {
  const [s3, sqs] = [createS3Client(), createSqsClient()];
  return {
    input: createS3Store({ client: s3, bucket: env.INPUT_BUCKET, clock }),
    output: createS3Store({ client: s3, bucket: env.OUTPUT_BUCKET, clock, contentType: 'application/json' }),
    events: openEvents(env.RESULTS_TOPIC_ARN),
    queueAt: (url, visibilityMs) => createSqsQueue({ client: sqs, url, maxReceiveCount, visibilityMs }),
  };
}

/** The only event sink of deployed processes. */
export function openEvents(topicArn: string): EventSink<PipelineEvent> {
  return createSnsEventSink({ client: createSnsClient(), topicArn });
}
