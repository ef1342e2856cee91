import { Validations } from 'aws-cdk-lib';
import { AutoScalingGroup, OnDemandAllocationStrategy, SpotAllocationStrategy } from 'aws-cdk-lib/aws-autoscaling';
import { InstanceType, LaunchTemplate, UserData } from 'aws-cdk-lib/aws-ec2';
import {
  AmiHardwareType,
  AsgCapacityProvider,
  AvailabilityZoneRebalancing,
  type Cluster,
  Ec2Service,
  EcsOptimizedImage,
  type ICluster,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledgeFindings } from './acknowledge.ts';
import { guardedInstance } from './guarded-instance.ts';
import type { Network } from './network.ts';
import { untilGone } from './until-gone.ts';

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
    const [first = 'g6.xlarge'] = props.instanceTypes;
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
    untilGone(this.service, props.cluster);
  }

  private launchTemplate(network: Network, instanceType: string): LaunchTemplate {
    const userData = UserData.forLinux();
    // Two minutes' notice: ECS drains the instance, and the worker hands its messages back.
    userData.addCommands('echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config');
    return new LaunchTemplate(this, 'Template', {
      ...guardedInstance(),
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
