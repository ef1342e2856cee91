import { Aws, Duration, Validations } from 'aws-cdk-lib';
import {
  type ContainerDefinitionOptions,
  type ContainerImage,
  Ec2TaskDefinition,
  FargateTaskDefinition,
  LinuxParameters,
  LogDriver,
  NetworkMode,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { drainSeconds, stopTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import { fargateTask } from '../../lib/contracts/instances.ts';
import { workerContainer } from '../../lib/contracts/rollout.ts';
import { acknowledgeFindings, acknowledgeWildcards } from './acknowledge.ts';
import { logGroup } from './log-group.ts';
import { cacheFolder } from './worker-image.ts';

/** Memory of a GPU task: a whole xlarge instance (16 GiB), less what ECS and the system need. */
export const gpuMemoryMiB = 13_312;

export interface WorkerTaskProps {
  compute: 'gpu' | 'cpu';
  image: ContainerImage;
  environment: Record<string, string>;
  permissions: readonly PolicyStatement[];
  logRetentionDays: number;
}

/** The task definition of a worker: a container without root and with a read-only file system. */
export class WorkerTask extends Construct {
  readonly definition: TaskDefinition;
  readonly log: LogGroup;

  constructor(scope: Construct, id: string, props: WorkerTaskProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    for (const statement of props.permissions) role.addToPolicy(statement);
    const gpu = props.compute === 'gpu';
    const definition = gpu
      ? new Ec2TaskDefinition(this, 'Definition', {
          taskRole: role,
          networkMode: NetworkMode.BRIDGE,
          volumes: [{ name: 'cache' }],
        })
      : new FargateTaskDefinition(this, 'Definition', {
          taskRole: role,
          cpu: fargateTask.vcpus * 1024,
          memoryLimitMiB: fargateTask.memoryGib * 1024,
          volumes: [{ name: 'cache' }],
        });
    const size: Partial<ContainerDefinitionOptions> = gpu ? { gpuCount: 1, memoryLimitMiB: gpuMemoryMiB } : {};
    this.log = logGroup(this, 'Log', props.logRetentionDays);
    const container = definition.addContainer(workerContainer, {
      ...size,
      image: props.image,
      environment: {
        ...props.environment,
        ROLE_NAME: role.roleName,
        PROVIDER: gpu ? 'cuda' : 'cpu',
        WORKERS: String(gpu ? 1 : fargateTask.vcpus),
        DRAIN_SECONDS: String(drainSeconds),
        MODEL_CACHE: cacheFolder,
        TMPDIR: cacheFolder,
        // ECS on EC2 does not set it, and the container cannot read the instance metadata.
        AWS_REGION: Aws.REGION,
      },
      logging: LogDriver.awsLogs({ logGroup: this.log, streamPrefix: workerContainer }),
      stopTimeout: Duration.seconds(stopTimeoutSeconds),
      readonlyRootFilesystem: true,
      user: 'node',
      privileged: false,
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
    });
    container.addMountPoints({ containerPath: cacheFolder, sourceVolume: 'cache', readOnly: false });
    acknowledgeWildcards(
      role,
      props.permissions,
      'The user chooses the keys: any object in the bucket or below the prefix.',
    );
    acknowledgeFindings(definition, ['Resource::*'], 'GetAuthorizationToken takes no resource.');
    Validations.of(definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The environment holds names and addresses, no secrets.',
    });
    this.definition = definition;
  }
}
