import { ECSClient } from '@aws-sdk/client-ecs';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';

// The SDK reads AWS_REGION, AWS_ENDPOINT_URL and the credentials itself.

/** A request that has no answer after this long never will, milliseconds; longer than SQS's longest poll of 20 s. */
const requestTimeoutMs = 30_000;

/** What every client has in common. */
export const clientDefaults = {
  retryMode: 'adaptive',
  maxAttempts: 4,
  // Nobody adds to a client's middleware later; putting it together again costs each request a tenth of its CPU time.
  cacheMiddleware: true,
  requestHandler: {
    connectionTimeout: 3000,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    // Holds for the body too, which comes after the answer's head.
    socketTimeout: requestTimeoutMs,
  },
} as const;

/** An emulator behind AWS_ENDPOINT_URL has no host name for each bucket. */
export function createS3Client(): S3Client {
  const { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_S3: own } = process.env;
  return new S3Client({ ...clientDefaults, forcePathStyle: Boolean(own ?? all) });
}

/** Behind AWS_ENDPOINT_URL everything goes there: a queue's URL may still name AWS's own host. */
export function createSqsClient(): SQSClient {
  const { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_SQS: own } = process.env;
  return new SQSClient({ ...clientDefaults, useQueueUrlAsEndpoint: !(own ?? all) });
}

export function createSnsClient(): SNSClient {
  return new SNSClient(clientDefaults);
}

export function createEcsClient(): ECSClient {
  return new ECSClient(clientDefaults);
}
