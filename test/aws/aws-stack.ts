import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import { motoAccount, motoRegion } from '../support/moto.ts';
import { takeEvents } from '../support/take-events.ts';

/** The stack's resources, made by hand in the emulator, with clients of this process. */
export interface AwsStack {
  /** Environment of the deployed processes, without the model. */
  environment: Record<string, string>;
  input: ObjectStore;
  output: ObjectStore;
  uploads: Queue;
  tokens: Queue;
  deadLetters: Queue;
  uploadsUrl: string;
  uploadsArn: string;
  tokensUrl: string;
  tokensArn: string;
  /** Takes the events that the topic has published since the last call. */
  events(): Promise<ResultEvent[]>;
  /** Desired count of the ECS service (initially 0). */
  desiredCount(): Promise<number | undefined>;
  close(): void;
}

const maxReceiveCount = 5;

export async function createAwsStack(): Promise<AwsStack> {
  const [s3, sqs, sns, ecs] = [createS3Client(), createSqsClient(), createSnsClient(), createEcsClient()];
  const queueArn = (name: string): string => `arn:aws:sqs:${motoRegion}:${motoAccount}:${name}`;
  const redrive = JSON.stringify({ deadLetterTargetArn: queueArn('dead-letters'), maxReceiveCount });
  const createQueue = async (name: string, Attributes: Record<string, string> = {}): Promise<string> =>
    (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl ?? '';

  const deadLettersUrl = await createQueue('dead-letters');
  // A short timeout, so that the messages of a killed process come back soon.
  const uploadsUrl = await createQueue('uploads', { RedrivePolicy: redrive, VisibilityTimeout: '5' });
  const tokensUrl = await createQueue('tokens', { RedrivePolicy: redrive, VisibilityTimeout: '60' });
  const eventsUrl = await createQueue('result-events');
  for (const Bucket of ['pictures', 'outcomes']) await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: 'pictures',
      NotificationConfiguration: {
        QueueConfigurations: [{ QueueArn: queueArn('uploads'), Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] }],
      },
    }),
  );
  const { TopicArn: topicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'results' }));
  const raw = { RawMessageDelivery: 'true' };
  const subscription = { TopicArn: topicArn, Protocol: 'sqs', Endpoint: queueArn('result-events'), Attributes: raw };
  await sns.send(new SubscribeCommand(subscription));
  await ecs.send(new CreateClusterCommand({ clusterName: 'igpt' }));
  const container = { name: 'worker', image: 'worker', memory: 1 };
  await ecs.send(new RegisterTaskDefinitionCommand({ family: 'worker', containerDefinitions: [container] }));
  const service = { cluster: 'igpt', serviceName: 'worker', taskDefinition: 'worker', desiredCount: 0 };
  await ecs.send(new CreateServiceCommand(service));

  const queue = (url: string): Queue => createSqsQueue({ client: sqs, url, maxReceiveCount });
  const events = queue(eventsUrl);
  return {
    environment: {
      INPUT_BUCKET: 'pictures',
      OUTPUT_BUCKET: 'outcomes',
      UPLOADS_QUEUE_URL: uploadsUrl,
      TOKENS_QUEUE_URL: tokensUrl,
      RESULTS_TOPIC_ARN: topicArn,
    },
    input: createS3Store({ client: s3, bucket: 'pictures', clock }),
    output: createS3Store({ client: s3, bucket: 'outcomes', clock }),
    uploads: queue(uploadsUrl),
    tokens: queue(tokensUrl),
    deadLetters: queue(deadLettersUrl),
    uploadsUrl,
    uploadsArn: queueArn('uploads'),
    tokensUrl,
    tokensArn: queueArn('tokens'),
    events: () => takeEvents(events),
    async desiredCount() {
      const { services } = await ecs.send(new DescribeServicesCommand({ cluster: 'igpt', services: ['worker'] }));
      return services?.[0]?.desiredCount;
    },
    close() {
      for (const client of [s3, sqs, sns, ecs]) client.destroy();
    },
  };
}
