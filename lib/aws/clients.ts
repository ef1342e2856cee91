import { ECSClient } from '@aws-sdk/client-ecs';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';

// The SDK itself reads AWS_REGION, AWS_ENDPOINT_URL and the credentials.

/** Time limit of a request (milliseconds). Longer than SQS's longest poll, 20 s. */
const requestTimeoutMs = 30_000;

/**
 * How long an idle connection is kept (milliseconds). A function is frozen between its invocations, often for minutes, and
 * its connections may end meanwhile without notice. A request on one of them would wait for its whole time limit.
 */
const idleMs = 10_000;

/** Options of every client. */
export const clientDefaults = {
  retryMode: 'adaptive',
  maxAttempts: 4,
  // Without the cache, each request assembles the same middleware again, which takes a tenth of its CPU time.
  cacheMiddleware: true,
  requestHandler: {
    connectionTimeout: 3000,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    // requestTimeout ends with the response's headers. This limit also covers the body.
    socketTimeout: requestTimeoutMs,
    httpAgent: { timeout: idleMs },
    httpsAgent: { timeout: idleMs },
  },
} as const;

/** An emulator at AWS_ENDPOINT_URL has no host name per bucket, so buckets go into the path. */
export function createS3Client({ requestTimeout = requestTimeoutMs } = {}): S3Client {
  const { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_S3: own } = process.env;
  const requestHandler = { ...clientDefaults.requestHandler, requestTimeout };
  return new S3Client({ ...clientDefaults, requestHandler, forcePathStyle: Boolean(own ?? all) });
}

/** With AWS_ENDPOINT_URL every request goes there, even if a queue's URL names AWS's own host. */
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
