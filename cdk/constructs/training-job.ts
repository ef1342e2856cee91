import { Aws, Duration, Size, Validations } from 'aws-cdk-lib';
import {
  Action,
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  FargateComputeEnvironment,
  JobQueue,
  Reason,
  RetryStrategy,
} from 'aws-cdk-lib/aws-batch';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { CpuArchitecture, LogDriver } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../deployment-config.ts';
import { acknowledgeFindings, acknowledgeWildcards } from './acknowledge.ts';
import { keptLog } from './kept-log.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import { readModel, readPictures, writeRuns } from './permissions.ts';
import type { Storage } from './storage.ts';
import { WorkerImage } from './worker-image.ts';

/** Fargate's largest task; igpt train has a thread for each vCPU. */
const vcpus = 16;
const memory = Size.gibibytes(32);

/** Room for the data set's tokens, and a run of iGPT-S: 0.3 GB of weights and three times that for a checkpoint, twice. */
const disk = Size.gibibytes(50);

/** Batch allows no more. */
const attempts = 10;

export interface TrainingJobProps {
  config: DeploymentConfig;
  network: Network;
  storage: Storage;
  model: ModelLocation;
}

/**
 * Where `igpt train --on-aws` sends its jobs: AWS Batch on Fargate Spot, one after the other, which costs nothing while
 * there is none. A job that Spot takes away begins again and goes on from what its last attempt left on S3.
 */
export class TrainingJob extends Construct {
  readonly queue: JobQueue;
  readonly definition: EcsJobDefinition;

  constructor(scope: Construct, id: string, { config, network, storage, model }: TrainingJobProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    const permissions = [
      ...readPictures(storage.input, config.inputKmsKey),
      ...readModel(model),
      ...writeRuns(storage.output),
    ];
    for (const statement of permissions) role.addToPolicy(statement);
    acknowledgeWildcards(role, permissions, 'Keys are the user’s: any object below one bucket or prefix.');

    const environment = new FargateComputeEnvironment(this, 'Environment', {
      vpc: network.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [network.workers],
      spot: true,
      maxvCpus: vcpus,
    });
    this.queue = new JobQueue(this, 'Queue', { computeEnvironments: [{ computeEnvironment: environment, order: 1 }] });
    // onnxruntime trains on the processor.
    const { image, ready } = new WorkerImage(this, 'Image', { ...config, compute: 'cpu' }, { training: true });
    const container = new EcsFargateContainerDefinition(this, 'Container', {
      image,
      command: ['node', 'functions/train/main.ts'],
      cpu: vcpus,
      memory,
      ephemeralStorageSize: disk,
      fargateCpuArchitecture: CpuArchitecture.X86_64,
      jobRole: role,
      user: 'node',
      // To reach AWS's APIs without NAT.
      assignPublicIp: true,
      environment: { AWS_REGION: Aws.REGION, TMPDIR: '/cache', XDG_CACHE_HOME: '/cache' },
      logging: LogDriver.awsLogs({
        logGroup: keptLog(this, 'Log', config.logRetentionDays),
        streamPrefix: 'train',
      }),
    });
    acknowledgeFindings(container, ['Resource::*'], 'GetAuthorizationToken knows no resource.');
    this.definition = new EcsJobDefinition(this, 'Definition', {
      container,
      retryAttempts: attempts,
      retryStrategies: [
        RetryStrategy.of(Action.RETRY, Reason.SPOT_INSTANCE_RECLAIMED),
        RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: 'Your Spot Task was interrupted*' })),
        // 128 + SIGTERM: igpt train was stopped from outside, and left a checkpoint.
        RetryStrategy.of(Action.RETRY, Reason.custom({ onExitCode: '143' })),
        RetryStrategy.of(Action.EXIT, Reason.custom({ onReason: '*' })),
      ],
      // Of an attempt: a run that hangs must not cost for ever.
      timeout: Duration.days(3),
    });
    this.definition.node.addDependency(...ready);
    Validations.of(this.definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'Names and places; nothing in the environment is secret.',
    });
  }
}
