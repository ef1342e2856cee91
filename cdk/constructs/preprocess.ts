import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, EventSourceMapping, type IFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { preprocessTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import type { Measure, Meter } from '../../lib/contracts/meters.ts';
import { repository } from '../model-id.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
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
  /** What it costs: its time, and the requests for each picture. */
  readonly meters: readonly Meter[];

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
    this.meters = [
      functionTime(handler, { megabytes: memoryMiB, architecture: props.architecture }),
      { unit: 'picture', measures: [receivedMessages(props.queue)] },
    ];

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

/** Milliseconds of all invocations. Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions". */
function functionTime(handler: IFunction, size: { megabytes: number; architecture: 'arm64' | 'x86_64' }): Meter {
  const dimensions = { FunctionName: handler.functionName };
  return {
    unit: 'function-ms',
    ...size,
    measures: [{ namespace: 'AWS/Lambda', name: 'Duration', stat: 'Sum', dimensions }],
  };
}

/** Every delivery of every message. Source: Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS". */
function receivedMessages(queue: Queue): Measure {
  const dimensions = { QueueName: queue.queueName };
  return { namespace: 'AWS/SQS', name: 'NumberOfMessagesReceived', stat: 'Sum', dimensions };
}

/** The decoder is a program of its own. The handler starts it from beside itself (lib/files/module-beside.ts). */
const decodeChild = 'decode-child.mjs';

/** Defines `require`, which CommonJS parts of the SDK and of Powertools call. */
export const banner =
  "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);";

/** Bundles handler and decoder as ES modules, with sharp's binaries for Lambda on any machine. */
function bundle(architecture: 'arm64' | 'x86_64') {
  const [cpu, lambda] = architecture === 'arm64' ? ['arm64', Architecture.ARM_64] : ['x64', Architecture.X86_64];
  return {
    architecture: lambda,
    entry: join(repository, 'functions/preprocess/handler.ts'),
    handler: 'handler',
    projectRoot: repository,
    depsLockFilePath: join(repository, 'package-lock.json'),
    bundling: {
      format: OutputFormat.ESM,
      target: 'node24',
      minify: true,
      keepNames: true,
      banner,
      // The pinned version, instead of the one that Lambda provides.
      bundleAwsSDK: true,
      nodeModules: ['sharp'],
      environment: { npm_config_cpu: cpu, npm_config_os: 'linux', npm_config_libc: 'glibc' },
      commandHooks: {
        beforeBundling: () => [],
        beforeInstall: () => [],
        afterBundling: (input: string, output: string) => [
          [
            `"${join(input, 'node_modules/.bin/esbuild')}" "${join(input, 'lib/decode/decode-child.ts')}"`,
            '--bundle --platform=node --format=esm --target=node24 --minify --keep-names --external:sharp',
            `--banner:js="${banner}" --log-level=warning --outfile="${join(output, decodeChild)}"`,
          ].join(' '),
        ],
      },
    },
  };
}
