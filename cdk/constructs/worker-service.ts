import { Validations } from 'aws-cdk-lib';
import { AutoScalingGroup, OnDemandAllocationStrategy, SpotAllocationStrategy } from 'aws-cdk-lib/aws-autoscaling';
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
import { Construct } from 'constructs';
import { defaultInstanceTypes } from '../../lib/contracts/instances.ts';
import { acknowledgeFindings } from './acknowledge.ts';
import { hardenedInstance } from './hardened-instance.ts';
import type { Network } from './network.ts';

export interface CpuServiceProps {
  cluster: Cluster;
  network: Network;
  definition: TaskDefinition;
}

/** Tasks on Fargate Spot, without instances of our own. */
export class CpuService extends Construct {
  readonly service: FargateService;

  constructor(scope: Construct, id: string, { cluster, network, definition }: CpuServiceProps) {
    super(scope, id);
    cluster.enableFargateCapacityProviders();
    this.service = new FargateService(this, 'Service', {
      // CDK declares the class without regard to exactOptionalPropertyTypes.
      cluster: cluster as ICluster,
      taskDefinition: definition,
      desiredCount: 0,
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { enable: true, rollback: true },
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
      platformVersion: FargatePlatformVersion.LATEST,
      // To reach AWS's APIs without NAT.
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
  /** `spot`: a third of the price, and may be taken away. */
  market: 'spot' | 'on-demand';
  instanceTypes: readonly string[];
  maxTasks: number;
}

/** Tasks on GPU instances, one on each, which ECS starts and ends as tasks come and go. */
export class GpuService extends Construct {
  readonly service: Ec2Service;

  constructor(scope: Construct, id: string, props: GpuServiceProps) {
    super(scope, id);
    const spot = props.market === 'spot';
    const [first = defaultInstanceTypes[0]] = props.instanceTypes;
    const group = new AutoScalingGroup(this, 'Instances', {
      vpc: props.network.vpc,
      minCapacity: 0,
      maxCapacity: props.maxTasks,
      mixedInstancesPolicy: {
        launchTemplate: this.launchTemplate(props.network, first),
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
        reason: 'Instances come and go with the work, many times a day; the alarms tell when they should and don’t.',
      },
      { id: 'AwsSolutions-EC26', reason: 'The rule cannot read launch templates; this one encrypts its volume.' },
    );

    const capacity = new AsgCapacityProvider(this, 'Capacity', {
      autoScalingGroup: group,
      enableManagedScaling: true,
      enableManagedDraining: true,
      // With it, an instance that is protected outlives `cdk destroy`.
      enableManagedTerminationProtection: false,
      maximumScalingStepSize: props.maxTasks,
    });
    props.cluster.addAsgCapacityProvider(capacity);
    acknowledgeFindings(
      this,
      ['Resource::*', 'Action::ecs:Submit*'],
      'What CDK gives an ECS agent: DiscoverPollEndpoint, GetAuthorizationToken know no resource.',
    );

    this.service = new Ec2Service(this, 'Service', {
      // CDK declares the class without regard to exactOptionalPropertyTypes.
      cluster: props.cluster as ICluster,
      taskDefinition: props.definition,
      desiredCount: 0,
      // A new task needs the GPU of the old one.
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { enable: true, rollback: true },
      capacityProviderStrategies: [{ capacityProvider: capacity.capacityProviderName, weight: 1 }],
    });
    deleteBeforeCluster(this.service, props.cluster);
  }

  private launchTemplate(network: Network, instanceType: string): LaunchTemplate {
    const userData = UserData.forLinux();
    // Two minutes' notice: ECS drains the instance, and the worker hands its messages back.
    userData.addCommands('echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config');
    return new LaunchTemplate(this, 'Template', {
      ...hardenedInstance(),
      machineImage: EcsOptimizedImage.amazonLinux2023(AmiHardwareType.GPU),
      instanceType: new InstanceType(instanceType),
      userData,
      role: new Role(this, 'InstanceRole', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
      securityGroup: network.workers,
      // To reach AWS's APIs without NAT.
      associatePublicIpAddress: true,
    });
  }
}

/**
 * Has `service` deleted before the cluster's capacity providers: CloudFormation cannot take those from a cluster whose
 * services still use them, and `cdk destroy` would end half-way.
 */
export function deleteBeforeCluster(service: Construct, cluster: Cluster): void {
  service.node.addDependency(cluster);
}
