import { BatchClient } from '@aws-sdk/client-batch';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SFNClient } from '@aws-sdk/client-sfn';
import { STSClient } from '@aws-sdk/client-sts';
import { clientDefaults } from '../aws/clients.ts';

// Clients that only verbs need. Those of the deployed processes are in lib/aws/clients.ts.

/** A person waits, and each of these calls usually takes under a second (milliseconds). */
const requestTimeoutMs = 10_000;

const common = {
  ...clientDefaults,
  // The person can repeat the command, so one retry is enough.
  maxAttempts: 2,
  requestHandler: {
    ...clientDefaults.requestHandler,
    requestTimeout: requestTimeoutMs,
    socketTimeout: requestTimeoutMs,
  },
};

export function createBatchClient(): BatchClient {
  return new BatchClient(common);
}

export function createCloudFormationClient(): CloudFormationClient {
  return new CloudFormationClient(common);
}

export function createCloudWatchClient(): CloudWatchClient {
  return new CloudWatchClient(common);
}

export function createEc2Client(): EC2Client {
  return new EC2Client(common);
}

export function createLambdaClient(): LambdaClient {
  return new LambdaClient(common);
}

/** Calls a function once and waits up to `timeoutMs` for its end. */
export function createCallingClient(timeoutMs: number): LambdaClient {
  const requestHandler = { ...common.requestHandler, requestTimeout: timeoutMs, socketTimeout: timeoutMs };
  return new LambdaClient({ ...common, maxAttempts: 1, requestHandler });
}

export function createServiceQuotasClient(): ServiceQuotasClient {
  return new ServiceQuotasClient(common);
}

export function createStepFunctionsClient(): SFNClient {
  return new SFNClient(common);
}

export function createStsClient(): STSClient {
  return new STSClient(common);
}
