import { Duration } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping, IFunction } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { preprocessMegabytes, preprocessTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import type { Measure, Meter } from '../../lib/contracts/meters.ts';
import { functionBundle } from './function-bundle.ts';
import { logGroup } from './log-group.ts';
import { type Delivery, deliverMessages, functionTime, queueRole } from './queue-function.ts';

/** As many as its memory holds. */
const decoders = 2;

export interface PreprocessProps {
  architecture: 'arm64' | 'x86_64';
  /** The uploads queue, or the backfill queue. */
  queue: Queue;
  delivery: Delivery;
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
  /** What it costs: its time, and the requests for each picture. */
  readonly meters: readonly Meter[];

  constructor(scope: Construct, id: string, props: PreprocessProps) {
    super(scope, id);
    const log = logGroup(this, 'Log', props.logRetentionDays);
    const role = queueRole(this, { ...props, log });
    const handler = new NodejsFunction(this, 'Handler', {
      ...bundle(props.architecture),
      description: 'Image GPT: pictures to colour tokens',
      memorySize: preprocessMegabytes,
      timeout: Duration.seconds(preprocessTimeoutSeconds),
      environment: {
        ...props.environment,
        UPLOADS_QUEUE_URL: props.queue.queueUrl,
        ROLE_NAME: role.roleName,
        DECODERS: String(decoders),
      },
      role,
      logGroup: log,
    });
    // Otherwise the function could start before a new model is copied.
    handler.node.addDependency(...props.after);
    this.handler = handler;
    this.meters = [
      functionTime(handler, { megabytes: preprocessMegabytes, architecture: props.architecture }),
      { unit: 'picture', measures: [receivedMessages(props.queue)] },
    ];

    this.mapping = deliverMessages(this, { ...props, handler, role });
  }
}

/** Every delivery of every message. Source: Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS". */
function receivedMessages(queue: Queue): Measure {
  const dimensions = { QueueName: queue.queueName };
  return { namespace: 'AWS/SQS', name: 'NumberOfMessagesReceived', stat: 'Sum', dimensions };
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
