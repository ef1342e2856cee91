import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import {
  AvailabilityZoneRebalancing,
  type Cluster,
  FargatePlatformVersion,
  FargateService,
  type ICluster,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Network } from './network.ts';
import { untilGone } from './until-gone.ts';

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
    untilGone(this.service, cluster);
  }
}
