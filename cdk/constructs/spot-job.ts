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
import { telemetryOff } from './telemetry-off.ts';
import type { WorkerImage } from './worker-image.ts';

/** Batch allows no more. */
const attempts = 10;

/** Of an attempt: a job that hangs must not cost for ever. */
const timeout = Duration.days(3);

export interface SpotJobProps {
  network: Network;
  image: WorkerImage;
  command: string[];
  /** Begins the names of log streams. */
  name: string;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  vcpus: number;
  memory: Size;
  /** Room for what a job writes, on Fargate. */
  disk: Size;
  /** Jobs that run at once. */
  jobs: number;
  /** Instance types that a job runs on, with a GPU of its own. Default: Fargate. */
  gpu?: readonly string[];
  logRetentionDays: number;
}

/**
 * A queue and a definition of AWS Batch for jobs on Spot, which cost nothing while there is none. A job that Spot takes
 * away is tried again, one that fails is not.
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
    acknowledgeWildcards(role, props.permissions, 'Keys are the user’s: any object below one bucket or prefix.');
    const about = {
      image: image.image,
      command: props.command,
      cpu: props.vcpus,
      memory: props.memory,
      jobRole: role,
      user: 'node',
      environment: {
        AWS_REGION: Aws.REGION,
        TMPDIR: '/cache',
        XDG_CACHE_HOME: '/cache',
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
            ...about,
            ephemeralStorageSize: props.disk,
            fargateCpuArchitecture: CpuArchitecture.X86_64,
            // To reach AWS's APIs without NAT.
            assignPublicIp: true,
          })
        : new EcsEc2ContainerDefinition(this, 'Container', { ...about, gpu: 1 });
    acknowledgeFindings(container, ['Resource::*'], 'GetAuthorizationToken knows no resource.');
    this.definition = new EcsJobDefinition(this, 'Definition', {
      container,
      timeout,
      retryAttempts: attempts,
      retryStrategies: [
        RetryStrategy.of(Action.RETRY, Reason.SPOT_INSTANCE_RECLAIMED),
        RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: 'Your Spot Task was interrupted*' })),
        // 128 + SIGTERM: it was stopped from outside, and left everything in order.
        RetryStrategy.of(Action.RETRY, Reason.custom({ onExitCode: '143' })),
        RetryStrategy.of(Action.EXIT, Reason.custom({ onReason: '*' })),
      ],
    });
    this.definition.node.addDependency(...image.ready);
    Validations.of(this.definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'Names and places; nothing in the environment is secret.',
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
      reason: 'AWS Batch asks for this policy; its instances join a cluster whose name only Batch knows.',
    });
    return new ManagedEc2EcsComputeEnvironment(this, 'Environment', {
      ...spotIn(network),
      instanceRole: role,
      images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
      launchTemplate: new LaunchTemplate(this, 'Template', hardenedInstance()),
      instanceTypes: types.map((type) => new InstanceType(type)),
      // Else C, M and R instances, too, where no job would run.
      useOptimalInstanceClasses: false,
      minvCpus: 0,
      // An instance has one GPU at least, so that each job may need an instance.
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
