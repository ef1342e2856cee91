import { Duration, Validations } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { type BaseService, Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct, type IDependable } from 'constructs';
import { visibilitySeconds } from '../../lib/contracts/delivery.ts';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import type { Network } from './network.ts';
import { WorkerImage } from './worker-image.ts';
import { CpuService, GpuService } from './worker-service.ts';
import { WorkerTask } from './worker-task.ts';

export interface WorkerProps {
  config: DeploymentConfig;
  network: Network;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  /** What a task needs to start. */
  after: readonly IDependable[];
}

/** The cluster with what runs the worker: Spot GPUs and on-demand ones, or Fargate Spot. Nothing runs at first. */
export class Worker extends Construct {
  readonly cluster: Cluster;
  readonly image: WorkerImage;
  /** The one that preprocess wakes. */
  readonly service: BaseService;
  /** Helps when Spot leaves work waiting; undefined on Fargate. */
  readonly onDemandService: BaseService | undefined;
  readonly services: readonly BaseService[];
  /** Above 0 while a task of any service runs; nothing when none does. */
  readonly runningTasks: IMetric;

  constructor(scope: Construct, id: string, { config, network, environment, permissions, after }: WorkerProps) {
    super(scope, id);
    const cluster = new Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    Validations.of(cluster).acknowledge({
      id: 'AwsSolutions-ECS4',
      reason: 'Its metrics would cost more than the idle stack; ECS’s free ones and the worker’s own say enough.',
    });
    this.cluster = cluster;

    const { compute, maxTasks, instanceTypes, logRetentionDays } = config;
    this.image = new WorkerImage(this, 'Image', config);
    const { image, ready } = this.image;
    const { definition } = new WorkerTask(this, 'Task', {
      ...{ compute, image, permissions, logRetentionDays },
      environment: { ...environment, VISIBILITY_SECONDS: String(visibilitySeconds.tokens) },
    });
    // As long as the alarms' that use it.
    const period = Duration.minutes(5);
    const about = { cluster, network, definition };
    if (compute === 'gpu') {
      const gpu = { ...about, instanceTypes, maxTasks };
      this.service = new GpuService(this, 'Spot', { ...gpu, market: 'spot' }).service;
      this.onDemandService = new GpuService(this, 'OnDemand', { ...gpu, market: 'on-demand' }).service;
      this.services = [this.service, this.onDemandService];
      // One metric for both services: every task reserves memory of an instance.
      this.runningTasks = cluster.metricMemoryReservation({ statistic: 'Maximum', period });
    } else {
      this.service = new CpuService(this, 'Fargate', about).service;
      this.services = [this.service];
      // Each task gives a sample a minute.
      this.runningTasks = this.service.metricCpuUtilization({ statistic: 'SampleCount', period });
    }
    for (const service of this.services) service.node.addDependency(...after, ...ready);
  }
}
