import { createEcsClient, createS3Client, createSnsClient, createSqsClient } from '../../lib/aws/clients.ts';
import type { Clients } from '../support/template-stack.ts';

/** Clients that call what the environment names. */
export function awsClients(): Clients & AsyncDisposable {
  const clients = { s3: createS3Client(), sqs: createSqsClient(), sns: createSnsClient(), ecs: createEcsClient() };
  return {
    ...clients,
    async [Symbol.asyncDispose]() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
