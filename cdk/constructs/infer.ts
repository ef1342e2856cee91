import { Duration, Size } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { inferTimeoutSeconds, workerVisibilitySeconds } from '../../lib/contracts/delivery.ts';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { type FunctionModel, inferStorage, inferThreads } from '../../lib/contracts/infer-function.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import type { InferBundle } from './infer-bundle.ts';
import { logGroup } from './log-group.ts';
import { deliverMessages, functionTime, promptDelivery, queueRole } from './queue-function.ts';

export interface InferProps {
  config: DeploymentConfig;
  tokens: Queue;
  model: FunctionModel;
  bundle: InferBundle;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  /** Resources that must exist before the function starts. */
  after: readonly IDependable[];
}

/** The function that turns tokens into outcomes. It does the work of the workers, without a network or an image. */
export class Infer extends Construct {
  readonly handler: LambdaFunction;
  /** Delivers the tokens. While it is disabled, they stay in the queue. */
  readonly mapping: EventSourceMapping;
  /** What it costs. */
  readonly meter: Meter;
  /** Above 0 in a period in which an invocation began; no data otherwise. */
  readonly runningTasks: IMetric;
  /** The function's timeout: while there is work, an invocation begins in every such period. */
  readonly runningPeriod = Duration.seconds(inferTimeoutSeconds);

  constructor(scope: Construct, id: string, props: InferProps) {
    super(scope, id);
    const { config, tokens, model, bundle, environment, after } = props;
    const { inferMemory, inferConcurrency, inferReserved, logRetentionDays } = config;
    const log = logGroup(this, 'Log', logRetentionDays);
    const role = queueRole(this, { ...props, queue: tokens, log });
    this.handler = new NodejsFunction(this, 'Handler', {
      ...bundle.code,
      description: 'Image GPT: colour tokens to outcomes',
      memorySize: inferMemory,
      ephemeralStorageSize: Size.mebibytes(inferStorage(model)),
      timeout: Duration.seconds(inferTimeoutSeconds),
      // One more than the mapping uses, so that a test during a deployment is not throttled.
      ...(inferReserved && { reservedConcurrentExecutions: inferConcurrency + 1 }),
      environment: {
        ...environment,
        MODEL_LOCATION: bundle.modelLocation,
        ROLE_NAME: role.roleName,
        PROVIDER: 'cpu',
        MODEL_CACHE: '/tmp',
        VISIBILITY_SECONDS: String(workerVisibilitySeconds),
        WORKERS: String(inferThreads(model, inferMemory)),
      },
      role,
      logGroup: log,
    });
    // Otherwise the function could start before a new model is copied.
    this.handler.node.addDependency(...after);
    this.mapping = deliverMessages(this, {
      handler: this.handler,
      role,
      queue: tokens,
      delivery: promptDelivery,
      concurrency: inferConcurrency,
      after,
    });
    this.meter = functionTime(this.handler, { megabytes: inferMemory, architecture: 'x86_64' });
    this.runningTasks = this.handler.metricInvocations({ statistic: 'Sum', period: this.runningPeriod });
  }
}
