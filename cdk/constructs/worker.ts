import { Duration, Validations } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { type BaseService, Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct, type IDependable } from 'constructs';
import { workerVisibilitySeconds } from '../../lib/contracts/delivery.ts';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import type { Network } from './network.ts';
import { type ProofPlace, Rollout } from './rollout.ts';
import type { OnDemandProps } from './scaling.ts';
import { WorkerImage } from './worker-image.ts';
import { CpuService, GpuService } from './worker-service.ts';
import { WorkerTask } from './worker-task.ts';

export interface WorkerProps {
  config: DeploymentConfig;
  compute: 'gpu' | 'cpu';
  network: Network;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  /** Resources that must exist before a task starts. */
  after: readonly IDependable[];
}

/** The cluster and the services that run workers: on Spot and on-demand GPUs, or on Fargate Spot. No task runs at first. */
export class Worker extends Construct {
  readonly cluster: Cluster;
  readonly image: WorkerImage;
  /** The service that preprocess wakes. */
  readonly service: BaseService;
  /** Runs tasks when Spot cannot be had. Undefined on Fargate. */
  readonly onDemand: OnDemandProps | undefined;
  readonly services: readonly BaseService[];
  /** How the proof of the deployed definition ended. */
  readonly proof: string;
  /** Above 0 while a task of any service runs; no data otherwise. */
  readonly runningTasks: IMetric;
  /** What the workers cost. */
  readonly meters: readonly Meter[];
  /** Period of the alarm that uses it. */
  readonly runningPeriod = Duration.minutes(5);

  constructor(scope: Construct, id: string, props: WorkerProps) {
    super(scope, id);
    const { config, compute, network, environment, permissions, after } = props;
    const cluster = new Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    Validations.of(cluster).acknowledge({
      id: 'AwsSolutions-ECS4',
      reason:
        'Container Insights would cost more than the idle stack; the metrics of ECS and of the worker are enough.',
    });
    this.cluster = cluster;

    const { maxTasks, instanceTypes, logRetentionDays } = config;
    this.image = new WorkerImage(this, 'Image', config);
    const { image, ready } = this.image;
    const task = new WorkerTask(this, 'Task', {
      compute,
      image,
      permissions,
      logRetentionDays,
      environment: { ...environment, VISIBILITY_SECONDS: String(workerVisibilitySeconds) },
    });
    const period = this.runningPeriod;
    const shared = { cluster, network, definition: task.definition };
    let place: ProofPlace;
    if (compute === 'gpu') {
      const gpu = { ...shared, instanceTypes, maxTasks };
      const spot = new GpuService(this, 'Spot', { ...gpu, market: 'spot' });
      const { service, meter } = new GpuService(this, 'OnDemand', { ...gpu, market: 'on-demand' });
      this.service = spot.service;
      this.onDemand = { service, spotReservation: spot.reservation };
      this.services = [this.service, service];
      this.meters = [spot.meter, meter];
      place = { capacityProvider: spot.capacity, after: spot.instances };
      // Covers both services: every task reserves memory of an instance.
      this.runningTasks = cluster.metricMemoryReservation({ statistic: 'Maximum', period });
    } else {
      const { service, meter } = new CpuService(this, 'Fargate', shared);
      this.service = service;
      this.services = [service];
      this.meters = [meter];
      // On demand, because nothing takes it away; its minutes cost less than a cent.
      place = { capacityProvider: 'FARGATE', address: network.publicAddress, after: [] };
      // Each task sends one sample a minute.
      this.runningTasks = this.service.metricCpuUtilization({ statistic: 'SampleCount', period });
    }
    for (const service of this.services) service.node.addDependency(...after, ...ready);
    this.proof = new Rollout(this, 'Rollout', {
      cluster,
      task,
      services: this.services,
      place,
      prove: config.proveDeployment,
      after: [network, ...after, ...ready],
      logRetentionDays,
    }).proof;
  }
}
