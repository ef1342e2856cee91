import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const gpu = imageGptTemplate();
const cpu = imageGptTemplate({ compute: 'cpu' });

describe('on GPU instances', () => {
  test('there are two services, on Spot and on demand', () => {
    gpu.resourceCountIs('AWS::ECS::Service', 2);
    gpu.allResourcesProperties('AWS::ECS::Service', {
      DeploymentConfiguration: Match.objectLike({
        MinimumHealthyPercent: 0,
        MaximumPercent: 100,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      }),
      // ECS refuses rebalancing with a maximum of 100 percent.
      AvailabilityZoneRebalancing: 'DISABLED',
      LaunchType: Match.absent(),
    });
    gpu.resourceCountIs('AWS::AutoScaling::AutoScalingGroup', 2);
    gpu.allResourcesProperties('AWS::AutoScaling::AutoScalingGroup', { MinSize: '0', DesiredCapacity: Match.absent() });
  });

  test.each([
    // One more than tasks, for the proof of a deployment.
    ['Spot', 0, '5'],
    ['OnDemand', 100, '4'],
  ])('the %s group starts %d percent on demand, of any of the instance types', (name, percent, most) => {
    const { MixedInstancesPolicy: policy, MaxSize } = resource(
      gpu,
      'AWS::AutoScaling::AutoScalingGroup',
      `Worker${name}InstancesASG`,
    ).properties;

    expect(MaxSize).toBe(most);
    expect(policy.InstancesDistribution).toMatchObject({
      OnDemandBaseCapacity: 0,
      OnDemandPercentageAboveBaseCapacity: percent,
    });
    expect(policy.LaunchTemplate.Overrides).toEqual([
      { InstanceType: 'g6.xlarge' },
      { InstanceType: 'g5.xlarge' },
      { InstanceType: 'g4dn.xlarge' },
    ]);
  });

  test('ECS starts, drains and ends the instances, and none outlives the stack', () => {
    gpu.resourceCountIs('AWS::ECS::CapacityProvider', 2);
    gpu.allResourcesProperties('AWS::ECS::CapacityProvider', {
      AutoScalingGroupProvider: Match.objectLike({
        ManagedScaling: Match.objectLike({ Status: 'ENABLED', TargetCapacity: 100 }),
        ManagedDraining: 'ENABLED',
        ManagedTerminationProtection: 'DISABLED',
      }),
    });
    gpu.resourceCountIs('AWS::AutoScaling::LifecycleHook', 0);
  });

  test('the services are deleted before the cluster’s capacity providers', () => {
    const { id } = resource(gpu, 'AWS::ECS::ClusterCapacityProviderAssociations');

    gpu.allResources('AWS::ECS::Service', { DependsOn: Match.arrayWith([id]) });
  });

  test('instances run the AL2023 GPU image, with encrypted disks', () => {
    const images = Object.values(gpu.findParameters('*')).map(({ Default: path }) => path);
    expect(images).toContain('/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id');

    gpu.allResourcesProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true, VolumeSize: 60, VolumeType: 'gp3' } }],
      }),
    });
  });

  test('containers cannot reach the instance’s credentials: IMDSv2, one hop', () => {
    gpu.allResourcesProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({ MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 } }),
    });
  });

  test('instances are drained when Spot takes them away', () => {
    for (const { Properties: properties } of Object.values(gpu.findResources('AWS::EC2::LaunchTemplate'))) {
      expect(JSON.stringify(properties.LaunchTemplateData.UserData)).toContain(
        'ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config',
      );
    }
  });

  test('a task has a GPU to itself, on the bridge network', () => {
    const task = resource(gpu, 'AWS::ECS::TaskDefinition').properties;

    expect(task).toMatchObject({ NetworkMode: 'bridge', RequiresCompatibilities: ['EC2'] });
    expect(task.ContainerDefinitions[0].ResourceRequirements).toEqual([{ Type: 'GPU', Value: '1' }]);
    expect(environmentOf(task)).toMatchObject({ PROVIDER: 'cuda', AWS_REGION: { Ref: 'AWS::Region' } });
  });

  test('the outputs name both services', () => {
    gpu.hasOutput('Service', {});
    gpu.hasOutput('OnDemandService', {});
  });
});

describe('on Fargate', () => {
  test('there is one service, on Spot, with a public address', () => {
    expect(resource(cpu, 'AWS::ECS::Service').properties).toMatchObject({
      CapacityProviderStrategy: [{ CapacityProvider: 'FARGATE_SPOT', Weight: 1 }],
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED' } },
      DeploymentConfiguration: { MinimumHealthyPercent: 0, MaximumPercent: 100 },
    });
    expect(cpu.toJSON()).not.toHaveProperty('Outputs.OnDemandService');
  });

  test('there are no instances, launch templates or capacity providers', () => {
    for (const type of ['AutoScaling::AutoScalingGroup', 'EC2::LaunchTemplate', 'ECS::CapacityProvider']) {
      cpu.resourceCountIs(`AWS::${type}`, 0);
    }
  });

  test('the worker computes on the CPU', () => {
    const task = resource(cpu, 'AWS::ECS::TaskDefinition').properties;

    expect(task).toMatchObject({ Cpu: '4096', Memory: '8192', RequiresCompatibilities: ['FARGATE'] });
    expect(environmentOf(task)).toMatchObject({ PROVIDER: 'cpu' });
  });
});

describe.each([
  ['GPU', gpu],
  ['CPU', cpu],
])('a %s task', (_, template) => {
  const container = resource(template, 'AWS::ECS::TaskDefinition').properties.ContainerDefinitions[0];

  test('has 110 s from SIGTERM to SIGKILL, and drains in 100 s', () => {
    expect(container.StopTimeout).toBe(110);
    expect(environmentOf({ ContainerDefinitions: [container] })).toMatchObject({ DRAIN_SECONDS: '100' });
  });

  test('is not root, has no privileges, and may write only to its cache', () => {
    expect(container).toMatchObject({ User: 'node', Privileged: false, ReadonlyRootFilesystem: true });
    expect(container.MountPoints).toEqual([{ ContainerPath: '/cache', SourceVolume: 'cache', ReadOnly: false }]);
    expect(environmentOf({ ContainerDefinitions: [container] })).toMatchObject({
      MODEL_CACHE: '/cache',
      TMPDIR: '/cache',
    });
  });

  test('writes its log to a group of the stack', () => {
    expect(container.LogConfiguration.Options['awslogs-group']).toEqual({
      Ref: resource(template, 'AWS::Logs::LogGroup', 'WorkerTaskLog').id,
    });
  });

  test('starts after its model is copied', () => {
    const deployment = resource(template, 'Custom::CDKBucketDeployment').id;

    template.allResources('AWS::ECS::Service', { DependsOn: Match.arrayWith([deployment]) });
  });
});

describe('the network', () => {
  test('costs nothing: public subnets, no NAT, no interface endpoint, no Elastic IP', () => {
    for (const template of [gpu, cpu]) {
      template.resourceCountIs('AWS::EC2::NatGateway', 0);
      template.resourceCountIs('AWS::EC2::EIP', 0);
      template.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: true });
      template.resourceCountIs('AWS::EC2::VPCEndpoint', 1);
      template.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    }
  });

  test('allows no ingress, and only HTTPS as egress', () => {
    for (const template of [gpu, cpu]) {
      template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
      template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
      const group = resource(template, 'AWS::EC2::SecurityGroup').properties;
      expect(group.SecurityGroupIngress).toBeUndefined();
      expect(group.SecurityGroupEgress).toEqual([
        { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443, Description: 'AWS APIs' },
      ]);
    }
  });
});

function environmentOf(task: Properties): Record<string, unknown> {
  return Object.fromEntries(
    task.ContainerDefinitions[0].Environment.map(({ Name, Value }: Properties) => [Name, Value]),
  );
}
