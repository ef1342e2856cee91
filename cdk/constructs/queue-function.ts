import { Duration } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type IFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct, IDependable } from 'constructs';
import { deliveryMessages, fullDeliveryMessages } from '../../lib/contracts/delivery.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './permissions.ts';

export interface QueueRoleProps {
  queue: Queue;
  log: LogGroup;
  permissions: readonly PolicyStatement[];
}

/** Role of a function that takes the messages of a queue. The event source mapping receives and deletes with it, too. */
export function queueRole(scope: Construct, { queue, log, permissions }: QueueRoleProps): Role {
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  for (const statement of permissions) role.addToPolicy(statement);
  role.addToPolicy(
    allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      [queue.queueArn],
    ),
  );
  log.grantWrite(role);
  acknowledgeWildcards(role, permissions, 'The user chooses the keys: any object in the bucket or below the prefix.');
  return role;
}

/** How many messages a mapping delivers together, and how long it waits for them. */
export interface Delivery {
  batchSize: number;
  maxBatchingWindow: Duration;
}

/** Fills tokens messages when many pictures arrive. */
export const fullDelivery: Delivery = { batchSize: fullDeliveryMessages, maxBatchingWindow: Duration.seconds(10) };

/**
 * Delivers at once. The window of 0 is written out: a window that a template no longer names could stay as it was.
 */
export const promptDelivery: Delivery = { batchSize: deliveryMessages, maxBatchingWindow: Duration.seconds(0) };

export interface MessagesProps {
  handler: IFunction;
  role: Role;
  queue: Queue;
  delivery: Delivery;
  /** Most functions at the same time. */
  concurrency: number;
  after: readonly IDependable[];
}

/** Delivers the messages of a queue to a function. While the mapping is disabled, they stay in the queue. */
export function deliverMessages(scope: Construct, props: MessagesProps): EventSourceMapping {
  const mapping = new EventSourceMapping(scope, 'Messages', {
    target: props.handler,
    eventSourceArn: props.queue.queueArn,
    ...props.delivery,
    reportBatchItemFailures: true,
    maxConcurrency: props.concurrency,
  });
  mapping.node.addDependency(props.role, ...props.after);
  return mapping;
}

/** Milliseconds of all invocations. Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions". */
export function functionTime(handler: IFunction, size: { megabytes: number; architecture: 'arm64' | 'x86_64' }): Meter {
  const dimensions = { FunctionName: handler.functionName };
  return {
    unit: 'function-ms',
    ...size,
    measures: [{ namespace: 'AWS/Lambda', name: 'Duration', stat: 'Sum', dimensions }],
  };
}
