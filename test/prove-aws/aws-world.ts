import { DescribeServicesCommand, type ECSClient, ListTasksCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import { DeleteBucketCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { retryingStore } from '../../lib/aws/retrying-ports.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import type { StackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { readQueueCounts } from '../../lib/operate/queue-counts.ts';
import { ecsOf } from '../../lib/operate/stack-services.ts';
import type { ProofWorld } from './prove.ts';

export interface ProofClients {
  s3: S3Client;
  sqs: SQSClient;
  ecs: ECSClient;
}

/** Connects to the deployed stack by its outputs. */
export function awsWorld(outputs: StackOutputs, { s3, sqs, ecs }: ProofClients, say: ProofWorld['say']): ProofWorld {
  const bucket = (name: string) => retryingStore(createS3Store({ client: s3, bucket: name, clock }), clock);
  const { cluster, services } = ecsOf(outputs) ?? { cluster: undefined, services: [] };
  return {
    clock,
    say,
    model: outputs.modelId,
    input: bucket(outputs.inputBucket),
    output: bucket(outputs.outputBucket),
    events: createSqsQueue({ client: sqs, url: outputs.resultEventsQueueUrl, maxReceiveCount }),
    async running() {
      if (services.length === 0) return 0;
      const { services: found = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services }));
      return found.reduce((count, { runningCount = 0 }) => count + runningCount, 0);
    },
    async kill() {
      for (const serviceName of services) {
        const { taskArns: [task] = [] } = await ecs.send(
          new ListTasksCommand({ cluster, serviceName, desiredStatus: 'RUNNING' }),
        );
        if (task === undefined) continue;
        await ecs.send(new StopTaskCommand({ cluster, task, reason: 'prove:aws kills a busy task' }));
        return task.slice(task.lastIndexOf('/') + 1);
      }
      return undefined;
    },
    async deadLetters() {
      const urls = [outputs.uploadsDeadLettersUrl, outputs.tokensDeadLettersUrl, outputs.resultEventsDeadLettersUrl];
      const counts = await Promise.all(urls.map((url) => readQueueCounts(sqs, url)));
      return counts.reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
    },
  };
}

/** Most objects in one DeleteObjects. Source: Amazon S3 API Reference, "DeleteObjects". */
const maxDeletedObjects = 1000;

/** Deletes a bucket with all its objects. */
export async function deleteBucket(s3: S3Client, name: string): Promise<void> {
  let keys: { Key: string }[] = [];
  const flush = async (): Promise<void> => {
    if (keys.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects: keys } }));
    keys = [];
  };
  for await (const { key } of createS3Store({ client: s3, bucket: name, clock }).list()) {
    keys.push({ Key: key });
    if (keys.length >= maxDeletedObjects) await flush();
  }
  await flush();
  await s3.send(new DeleteBucketCommand({ Bucket: name }));
}
