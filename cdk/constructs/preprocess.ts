import { Duration } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type IFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { preprocessTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { functionBundle } from './function-bundle.ts';
import { logGroup } from './log-group.ts';
import { allow } from './permissions.ts';

/** Memory for two decoders of 1 GiB each and Node itself. It comes with 1.7 vCPUs. */
const memoryMiB = 3008;
const decoders = 2;

/** Messages in a delivery: enough to fill tokens messages, few enough to finish in time. */
const batchSize = 100;
const batchWindow = Duration.seconds(10);

export interface PreprocessProps {
  architecture: 'arm64' | 'x86_64';
  /** The uploads queue, or the backfill queue. */
  queue: Queue;
  /** Most functions at the same time. */
  concurrency: number;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  /** Resources that must exist before the function starts. */
  after: readonly IDependable[];
  logRetentionDays: number;
}

/** A function that turns the pictures named in a queue into tokens. */
export class Preprocess extends Construct {
  readonly handler: IFunction;
  /** Delivers the messages. While it is disabled, they stay in the queue. */
  readonly mapping: EventSourceMapping;

  constructor(scope: Construct, id: string, props: PreprocessProps) {
    super(scope, id);
    const log = logGroup(this, 'Log', props.logRetentionDays);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    for (const statement of props.permissions) role.addToPolicy(statement);
    // The mapping uses this role to receive and delete messages.
    role.addToPolicy(
      allow(
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
        [props.queue.queueArn],
      ),
    );
    log.grantWrite(role);
    acknowledgeWildcards(
      role,
      props.permissions,
      'The user chooses the keys: any object in the bucket or below the prefix.',
    );

    const handler = new NodejsFunction(this, 'Handler', {
      ...bundle(props.architecture),
      description: 'Image GPT: pictures to colour tokens',
      runtime: Runtime.NODEJS_24_X,
      memorySize: memoryMiB,
      timeout: Duration.seconds(preprocessTimeoutSeconds),
      environment: {
        ...props.environment,
        UPLOADS_QUEUE_URL: props.queue.queueUrl,
        ROLE_NAME: role.roleName,
        DECODERS: String(decoders),
      },
      awsSdkConnectionReuse: false,
      role,
      logGroup: log,
    });
    // Otherwise the function could start before a new model is copied.
    handler.node.addDependency(...props.after);
    this.handler = handler;

    this.mapping = new EventSourceMapping(this, 'Messages', {
      target: handler,
      eventSourceArn: props.queue.queueArn,
      batchSize,
      maxBatchingWindow: batchWindow,
      reportBatchItemFailures: true,
      maxConcurrency: props.concurrency,
    });
    this.mapping.node.addDependency(role, ...props.after);
  }
}

/** Handler and decoder, with sharp's binaries. */
function bundle(architecture: 'arm64' | 'x86_64') {
  return functionBundle({
    architecture,
    handler: 'functions/preprocess/handler.ts',
    programs: ['lib/decode/decode-child.ts'],
    packages: ['sharp'],
  });
}
