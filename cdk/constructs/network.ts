import { Validations } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

/**
 * Public subnets whose security group lets nothing in. A NAT gateway or interface endpoints would cost more than the
 * rest of the idle stack. S3 is reached through its free gateway endpoint.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  /** Allows no ingress, and HTTPS as egress. */
  readonly workers: SecurityGroup;
  /** Where a standalone task with a public address runs. */
  readonly publicAddress: { subnets: string[]; securityGroups: string[] };

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      natGateways: 0,
      // All zones: a GPU may be had in one only. Without account and region CDK cannot look them up, and takes two.
      maxAzs: 99,
      // The same size whatever their number, so that more zones leave the first subnets as they are.
      subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true, cidrMask: 20 }],
      // Nothing uses the default group, and restricting it would need a custom resource.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    // Under exactOptionalPropertyTypes, CDK's classes do not match their own interfaces.
    this.vpc = vpc as IVpc;
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'Nothing listens, and no security group allows ingress; flow logs would cost more than the idle stack.',
    });
    this.workers = new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Image GPT workers: nothing in, HTTPS out',
      allowAllOutbound: false,
    });
    this.workers.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'AWS APIs');
    this.publicAddress = {
      subnets: this.vpc.publicSubnets.map(({ subnetId }) => subnetId),
      securityGroups: [this.workers.securityGroupId],
    };
  }
}
