import type { Duration } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { BaseService } from 'aws-cdk-lib/aws-ecs';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IDependable } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { type FunctionModel, picturesPerMessage } from '../../lib/contracts/infer-function.ts';
import { maxPicturesPerMessage } from '../../lib/contracts/limits.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import type { StackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { FunctionProof } from './function-proof.ts';
import { Infer } from './infer.ts';
import { inferBundle } from './infer-bundle.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import * as may from './permissions.ts';
import { type Delivery, fullDelivery, promptDelivery } from './queue-function.ts';
import type { Queues } from './queues.ts';
import { Scaling, type ServiceTarget } from './scaling.ts';
import { Worker } from './worker.ts';
import { WorkerImage } from './worker-image.ts';

export interface InferenceProps {
  config: DeploymentConfig;
  queues: Queues;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  model: ModelLocation;
  /** Made when something needs it. */
  network: () => Network;
}

/** What turns tokens into outcomes, as the rest of the stack sees it. */
export interface Inference {
  /** Begins the ids of what belongs to this kind of compute. */
  kind: 'Gpu' | 'Cpu' | 'Lambda';
  /** Above 0 in a period in which a task or an invocation runs. */
  runningTasks: IMetric;
  runningPeriod: Duration;
  /** What preprocess must know of it. */
  preprocess: { environment: Record<string, string>; permissions: PolicyStatement[]; delivery: Delivery };
  /** Services of workers. */
  services: readonly BaseService[];
  targets: readonly ServiceTarget[];
  /** The function, if functions compute. */
  infer?: { handler: IFunction; mapping: EventSourceMapping } | undefined;
  /** What it costs. */
  meters: readonly Meter[];
  /** Must be there before preprocess sends tokens of a new model. */
  ready: readonly IDependable[];
  /** Image for data-set jobs. */
  image: () => WorkerImage;
  outputs: Partial<StackOutputs>;
}

/** Workers on ECS, and their scaling. */
export function inferOnEcs(scope: Construct, compute: 'gpu' | 'cpu', props: InferenceProps): Inference {
  const { config, queues, environment, model } = props;
  const { tokens } = queues;
  const kind = compute === 'gpu' ? 'Gpu' : 'Cpu';
  const worker = new Worker(scope, `${kind}Worker`, {
    config,
    compute,
    network: props.network(),
    environment,
    permissions: [...props.permissions, may.takeTokens(tokens)],
    after: model.ready,
  });
  const { cluster, service, services, onDemand, runningTasks, runningPeriod } = worker;
  const { targets } = new Scaling(scope, `${kind}Scaling`, { ...config, tokens, service, onDemand });
  return {
    kind,
    runningTasks,
    runningPeriod,
    preprocess: {
      environment: {
        ECS_CLUSTER: cluster.clusterName,
        ECS_SERVICE: service.serviceName,
        MAX_PICTURES_PER_MESSAGE: String(maxPicturesPerMessage),
      },
      permissions: [may.wake(service)],
      delivery: fullDelivery,
    },
    services,
    targets,
    meters: worker.meters,
    ready: [],
    image: () => worker.image,
    outputs: {
      cluster: cluster.clusterName,
      service: service.serviceName,
      ...(onDemand && { onDemandService: onDemand.service.serviceName }),
      workerProof: worker.proof,
    },
  };
}

/** Functions on Lambda, which scales them itself. */
export function inferOnLambda(scope: Construct, fitted: FunctionModel, props: InferenceProps): Inference {
  const { config, queues, environment, permissions, model } = props;
  const infer = new Infer(scope, 'LambdaInfer', {
    config,
    tokens: queues.tokens,
    model: fitted,
    bundle: inferBundle(model),
    environment,
    permissions,
    after: model.ready,
  });
  const { handler, meter, runningTasks, runningPeriod } = infer;
  const proof = config.proveDeployment
    ? [new FunctionProof(scope, 'LambdaProof', { handler, after: model.ready })]
    : [];
  return {
    kind: 'Lambda',
    runningTasks,
    runningPeriod,
    preprocess: {
      environment: { MAX_PICTURES_PER_MESSAGE: String(picturesPerMessage(fitted, config.inferMemory)) },
      permissions: [],
      delivery: promptDelivery,
    },
    services: [],
    targets: [],
    meters: [meter],
    ready: proof,
    infer,
    image: () => new WorkerImage(scope, 'LambdaImage', config),
    outputs: { inferFunction: handler.functionName },
  };
}
