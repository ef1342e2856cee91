import { Duration, Validations } from 'aws-cdk-lib';
import { AutoScalingGroup, OnDemandAllocationStrategy, SpotAllocationStrategy } from 'aws-cdk-lib/aws-autoscaling';
import { type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { InstanceType, LaunchTemplate, SubnetType, UserData } from 'aws-cdk-lib/aws-ec2';
import {
  AmiHardwareType,
  AsgCapacityProvider,
  AvailabilityZoneRebalancing,
  type Cluster,
  Ec2Service,
  EcsOptimizedImage,
  FargatePlatformVersion,
  FargateService,
  type ICluster,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct, type IDependable } from 'constructs';
import { defaultInstanceTypes } from '../../lib/contracts/instances.ts';
import { acknowledgeFindings } from './acknowledge.ts';
import { hardenedInstance } from './hardened-instance.ts';
import type { Network } from './network.ts';

export interface CpuServiceProps {
  cluster: Cluster;
  network: Network;
  definition: TaskDefinition;
}

/** Workers on Fargate Spot. */
export class CpuService extends Construct {
  readonly service: FargateService;

  constructor(scope: Construct, id: string, { cluster, network, definition }: CpuServiceProps) {
    super(scope, id);
    cluster.enableFargateCapacityProviders();
    this.service = new FargateService(this, 'Service', {
      // Under exactOptionalPropertyTypes, CDK's classes do not match their own interfaces.
      cluster: cluster as ICluster,
      taskDefinition: definition,
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { enable: true, rollback: true },
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
      platformVersion: FargatePlatformVersion.LATEST,
      // Reaches the AWS APIs without a NAT gateway.
      assignPublicIp: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [network.workers],
    });
    deleteBeforeCluster(this.service, cluster);
  }
}

export interface GpuServiceProps {
  cluster: Cluster;
  network: Network;
  definition: TaskDefinition;
  /** Spot instances cost about a third, but AWS may take them away. */
  market: 'spot' | 'on-demand';
  instanceTypes: readonly string[];
  maxTasks: number;
}

/** Workers on GPU instances, one on each. ECS starts and ends the instances with the tasks. */
export class GpuService extends Construct {
  readonly service: Ec2Service;
  /** Name of the capacity provider. */
  readonly capacity: string;
  /** What an instance needs to join the cluster. */
  readonly instances: readonly IDependable[];
  /** Instances that the tasks need, in percent of those that run: above 100 while a task waits for an instance. */
  readonly reservation: IMetric;

  constructor(scope: Construct, id: string, props: GpuServiceProps) {
    super(scope, id);
    const spot = props.market === 'spot';
    const [first = defaultInstanceTypes[0]] = props.instanceTypes;
    const role = new Role(this, 'InstanceRole', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    const group = new AutoScalingGroup(this, 'Instances', {
      vpc: props.network.vpc,
      minCapacity: 0,
      // Room for the proof of a deployment while every task runs.
      maxCapacity: props.maxTasks + (spot ? 1 : 0),
      mixedInstancesPolicy: {
        launchTemplate: this.launchTemplate(props.network, first, role),
        launchTemplateOverrides: props.instanceTypes.map((type) => ({ instanceType: new InstanceType(type) })),
        instancesDistribution: {
          onDemandBaseCapacity: 0,
          onDemandPercentageAboveBaseCapacity: spot ? 0 : 100,
          onDemandAllocationStrategy: OnDemandAllocationStrategy.PRIORITIZED,
          ...(spot && { spotAllocationStrategy: SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED }),
        },
      },
    });
    Validations.of(group).acknowledge(
      {
        id: 'AwsSolutions-AS3',
        reason: 'Instances start and end many times a day; the alarms report when they fail to start.',
      },
      { id: 'AwsSolutions-EC26', reason: 'The rule cannot read launch templates; this one encrypts its volume.' },
    );

    const capacity = new AsgCapacityProvider(this, 'Capacity', {
      autoScalingGroup: group,
      enableManagedScaling: true,
      enableManagedDraining: true,
      // A protected instance would outlive `cdk destroy`.
      enableManagedTerminationProtection: false,
      maximumScalingStepSize: props.maxTasks,
    });
    props.cluster.addAsgCapacityProvider(capacity);
    this.capacity = capacity.capacityProviderName;
    this.instances = [group, role];
    acknowledgeFindings(
      this,
      ['Resource::*', 'Action::ecs:Submit*'],
      'CDK grants these to the ECS agent; DiscoverPollEndpoint and GetAuthorizationToken take no resource.',
    );

    this.service = new Ec2Service(this, 'Service', {
      // Under exactOptionalPropertyTypes, CDK's classes do not match their own interfaces.
      cluster: props.cluster as ICluster,
      taskDefinition: props.definition,
      // A new task needs the GPU of the old task.
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { enable: true, rollback: true },
      capacityProviderStrategies: [{ capacityProvider: this.capacity, weight: 1 }],
    });
    deleteBeforeCluster(this.service, props.cluster);
    this.reservation = new Metric({
      namespace: 'AWS/ECS/ManagedScaling',
      metricName: 'CapacityProviderReservation',
      dimensionsMap: {
        ClusterName: props.cluster.clusterName,
        CapacityProviderName: this.capacity,
      },
      period: Duration.minutes(1),
      statistic: 'Maximum',
    });
  }

  private launchTemplate(network: Network, instanceType: string, role: Role): LaunchTemplate {
    const userData = UserData.forLinux();
    // On Spot's two-minute notice ECS drains the instance, and the worker releases its messages.
    userData.addCommands('echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config');
    return new LaunchTemplate(this, 'Template', {
      ...hardenedInstance(),
      machineImage: EcsOptimizedImage.amazonLinux2023(AmiHardwareType.GPU),
      instanceType: new InstanceType(instanceType),
      userData,
      role,
      securityGroup: network.workers,
      // Reaches the AWS APIs without a NAT gateway.
      associatePublicIpAddress: true,
    });
  }
}

/**
 * Deletes `service` before the cluster's capacity providers. CloudFormation cannot remove providers that a service still
 * uses, and `cdk destroy` would fail.
 */
function deleteBeforeCluster(service: Construct, cluster: Cluster): void {
  service.node.addDependency(cluster);
}
