import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { createEcsClient, createSqsClient } from '../aws/clients.ts';
import { createCloudWatchClient, createLambdaClient, createStepFunctionsClient } from './clients.ts';
import { type CostBrakeState, readCostBrake } from './cost-brake.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { type InferFunction, readInferFunction } from './infer-function.ts';
import { type QueueCounts, readQueueCounts } from './queue-counts.ts';
import { type RaisedAlarm, readAlarms, readMetrics, type StackMetrics } from './stack-metrics.ts';
import {
  type DeadLetterName,
  deadLetterNames,
  deadLettersUrl,
  type QueueName,
  queueNames,
  queueUrl,
} from './stack-queues.ts';
import { readServices, type ServiceState } from './stack-services.ts';

/** State of a stack at one moment. */
export interface StackState {
  /** Name of the stack. */
  stack: string;
  at: Date;
  queues: Record<QueueName, QueueCounts>;
  deadLetters: Record<DeadLetterName, QueueCounts>;
  /** Empty with `compute=lambda`. */
  services: ServiceState[];
  /** With `compute=lambda`, else null. */
  infer: InferFunction | null;
  /** The stack’s model. */
  modelId: string;
  brake: CostBrakeState;
  alarms: RaisedAlarm[];
  metrics: StackMetrics;
}

interface StateClients {
  sqs: SQSClient;
  ecs: ECSClient;
  lambda: LambdaClient;
  stepFunctions: SFNClient;
  cloudWatch: CloudWatchClient;
}

export function createStateClients(): StateClients {
  return {
    sqs: createSqsClient(),
    ecs: createEcsClient(),
    lambda: createLambdaClient(),
    stepFunctions: createStepFunctionsClient(),
    cloudWatch: createCloudWatchClient(),
  };
}

/** @throws {CommandError} when one of the services refuses a request */
export async function readStackState(
  clients: StateClients,
  { name: stack, outputs }: DeployedStack,
  at: Date,
): Promise<StackState> {
  const { sqs, ecs, lambda, stepFunctions, cloudWatch } = clients;
  const queue = (name: QueueName) => readQueueCounts(sqs, queueUrl(outputs, name));
  const dead = (name: DeadLetterName) => readQueueCounts(sqs, deadLettersUrl(outputs, name));
  const [queues, deadLetters, services, infer, brake, alarms, metrics] = await Promise.all([
    Promise.all(queueNames.map(queue)),
    Promise.all(deadLetterNames.map(dead)),
    readServices(ecs, outputs, at),
    readInferFunction(lambda, outputs),
    readCostBrake(stepFunctions, outputs),
    readAlarms(cloudWatch, outputs),
    readMetrics(cloudWatch, outputs, at),
  ]);
  const none = { waiting: 0, inFlight: 0 };
  const [uploads = none, backfill = none, tokens = none, resultEvents = none] = queues;
  const [deadUploads = none, deadTokens = none, deadEvents = none] = deadLetters;
  return {
    stack,
    at,
    queues: { uploads, backfill, tokens, 'result-events': resultEvents },
    deadLetters: { uploads: deadUploads, tokens: deadTokens, 'result-events': deadEvents },
    services,
    infer,
    modelId: outputs.modelId,
    brake,
    alarms,
    metrics,
  };
}
