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
 * Public subnets that nothing can reach: no NAT and no interface endpoints, which would cost more when idle than all
 * the rest, and S3 by its free gateway endpoint.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  /** Nothing comes in; HTTPS goes out. */
  readonly workers: SecurityGroup;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      natGateways: 0,
      // As many as every region has, without looking the account up.
      maxAzs: 2,
      subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true }],
      // Nothing uses the default group, and emptying it would need a function.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    // CDK declares the class without regard to exactOptionalPropertyTypes.
    this.vpc = vpc as IVpc;
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'Nothing listens and no security group lets anything in; flow logs would cost more than the idle stack.',
    });
    this.workers = new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Image GPT workers: nothing in, HTTPS out',
      allowAllOutbound: false,
    });
    this.workers.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'AWS APIs');
  }
}
