import { Aws, Duration, type Size, Validations } from 'aws-cdk-lib';
import {
  Action,
  EcsEc2ContainerDefinition,
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  EcsMachineImageType,
  FargateComputeEnvironment,
  JobQueue,
  ManagedEc2EcsComputeEnvironment,
  Reason,
  RetryStrategy,
} from 'aws-cdk-lib/aws-batch';
import { InstanceType, LaunchTemplate, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { CpuArchitecture, LogDriver } from 'aws-cdk-lib/aws-ecs';
import { ManagedPolicy, type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { vcpusOf } from '../../lib/contracts/instances.ts';
import { acknowledgeFindings, acknowledgeWildcards } from './acknowledge.ts';
import { hardenedInstance } from './hardened-instance.ts';
import { logGroup } from './log-group.ts';
import type { Network } from './network.ts';
import { telemetryOff } from './shared-environment.ts';
import { cacheFolder, type WorkerImage } from './worker-image.ts';

/** The most that AWS Batch allows. */
const attempts = 10;

/** Longest attempt, so that a job that hangs stops costing. */
const timeout = Duration.days(3);

export interface SpotJobProps {
  network: Network;
  image: WorkerImage;
  command: string[];
  /** Prefix of log streams. */
  name: string;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  vcpus: number;
  memory: Size;
  /** Disk of a job on Fargate. */
  disk: Size;
  /** Most jobs at the same time. */
  jobs: number;
  /** Instance types for jobs with a GPU. Default: Fargate, without a GPU. */
  gpu?: readonly string[] | undefined;
  logRetentionDays: number;
}

/**
 * An AWS Batch queue and job definition for jobs on Spot. They cost nothing while no job runs. A job is retried when Spot
 * takes its machine away or its container does not start, and not when it fails.
 */
export class SpotJob extends Construct {
  readonly queue: JobQueue;
  readonly definition: EcsJobDefinition;

  constructor(scope: Construct, id: string, props: SpotJobProps) {
    super(scope, id);
    const { gpu, image } = props;
    const environment = gpu === undefined ? this.fargate(props) : this.instances(props, gpu);
    this.queue = new JobQueue(this, 'Queue', { computeEnvironments: [{ computeEnvironment: environment, order: 1 }] });

    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    for (const statement of props.permissions) role.addToPolicy(statement);
    acknowledgeWildcards(
      role,
      props.permissions,
      'The user chooses the keys: any object in the bucket or below the prefix.',
    );
    const shared = {
      image: image.image,
      command: props.command,
      cpu: props.vcpus,
      memory: props.memory,
      jobRole: role,
      user: 'node',
      environment: {
        AWS_REGION: Aws.REGION,
        TMPDIR: cacheFolder,
        XDG_CACHE_HOME: cacheFolder,
        ...telemetryOff,
        ...props.environment,
      },
      logging: LogDriver.awsLogs({
        logGroup: logGroup(this, 'Log', props.logRetentionDays),
        streamPrefix: props.name,
      }),
    };
    const container =
      gpu === undefined
        ? new EcsFargateContainerDefinition(this, 'Container', {
            ...shared,
            ephemeralStorageSize: props.disk,
            fargateCpuArchitecture: CpuArchitecture.X86_64,
            // Reaches the AWS APIs without a NAT gateway.
            assignPublicIp: true,
          })
        : new EcsEc2ContainerDefinition(this, 'Container', { ...shared, gpu: 1 });
    acknowledgeFindings(container, ['Resource::*'], 'GetAuthorizationToken takes no resource.');
    this.definition = new EcsJobDefinition(this, 'Definition', {
      container,
      timeout,
      retryAttempts: attempts,
      retryStrategies: [
        RetryStrategy.of(Action.RETRY, Reason.SPOT_INSTANCE_RECLAIMED),
        RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: 'Your Spot Task was interrupted*' })),
        // The container never ran, so there is no exit code: its image was not pulled, its address or disk not attached.
        // Source: AWS Batch User Guide, "Automated job retries".
        RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: 'Task failed to start*' })),
        // 128 + SIGTERM: stopped from outside; the job has saved its state.
        RetryStrategy.of(Action.RETRY, Reason.custom({ onExitCode: '143' })),
        RetryStrategy.of(Action.EXIT, Reason.custom({ onReason: '*' })),
      ],
    });
    this.definition.node.addDependency(...image.ready);
    Validations.of(this.definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The environment holds names and locations, no secrets.',
    });
  }

  private fargate({ network, jobs, vcpus }: SpotJobProps): FargateComputeEnvironment {
    return new FargateComputeEnvironment(this, 'Environment', { ...spotIn(network), maxvCpus: jobs * vcpus });
  }

  private instances({ network, jobs }: SpotJobProps, types: readonly string[]): ManagedEc2EcsComputeEnvironment {
    const role = new Role(this, 'InstanceRole', {
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(agentPolicy)],
    });
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${agentPolicy}]`,
      reason: 'AWS Batch requires this policy; its instances join a cluster whose name only AWS Batch knows.',
    });
    return new ManagedEc2EcsComputeEnvironment(this, 'Environment', {
      ...spotIn(network),
      instanceRole: role,
      images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
      launchTemplate: new LaunchTemplate(this, 'Template', hardenedInstance()),
      instanceTypes: types.map((type) => new InstanceType(type)),
      // Otherwise AWS Batch adds C, M and R instances, which have no GPU.
      useOptimalInstanceClasses: false,
      minvCpus: 0,
      // Each job may need an instance of its own.
      maxvCpus: jobs * Math.max(...types.map(vcpusOf)),
    });
  }
}

const agentPolicy = 'service-role/AmazonEC2ContainerServiceforEC2Role';

function spotIn(network: Network) {
  return {
    vpc: network.vpc,
    vpcSubnets: { subnetType: SubnetType.PUBLIC },
    securityGroups: [network.workers],
    spot: true,
  };
}
