import { IgnoreMode } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Construct, type IDependable } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { repository } from '../repository.ts';
import { ImageBuild } from './image-build.ts';

/** Files of a training image (Docker's ignore syntax). A change of any other file does not build a new image. */
const trainingContext = [
  '**',
  '!package.json',
  '!package-lock.json',
  '!functions',
  'functions/limit',
  'functions/preprocess',
  'functions/infer',
  'functions/rollout',
  '!lib',
];

/** Files of the worker's image, which runs no command and trains nothing. */
const workerContext = [
  ...trainingContext,
  'lib/cli',
  'lib/models',
  'lib/operate',
  'lib/plot',
  'lib/report',
  'lib/training',
];

/** The only folder that a container can write to: a volume in the Dockerfile. */
export const cacheFolder = '/cache';

/** The worker's container image, for x86-64: onnxruntime has CUDA libraries for no other architecture. */
export class WorkerImage extends Construct {
  readonly image: ContainerImage;
  /** Resources that must exist before a task starts. */
  readonly ready: readonly IDependable[];

  /** @param options `training`: include the files of a training */
  constructor(scope: Construct, id: string, config: DeploymentConfig, { training = false } = {}) {
    super(scope, id);
    const target = config.compute === 'gpu' ? 'cuda' : 'cpu';
    const { nodeImage, cudaImage, cudaLibrarySha256 } = config;
    const buildArgs: Record<string, string> = {
      ...(nodeImage !== undefined && { NODE_IMAGE: nodeImage }),
      ...(cudaImage !== undefined && { CUDA_IMAGE: cudaImage }),
      ...(cudaLibrarySha256 !== undefined && { CUDA_LIBRARY_SHA256: cudaLibrarySha256 }),
    };
    const source = {
      directory: repository,
      exclude: training ? trainingContext : workerContext,
      ignoreMode: IgnoreMode.DOCKER,
    };
    if (config.imageBuild === 'docker') {
      const asset = new DockerImageAsset(this, 'Asset', {
        ...source,
        file: dockerfile,
        target,
        buildArgs,
        platform: Platform.LINUX_AMD64,
      });
      this.image = ContainerImage.fromDockerImageAsset(asset);
      this.ready = [];
      return;
    }
    const build = new ImageBuild(this, 'Build', {
      source,
      dockerfile,
      target,
      buildArgs,
      logRetentionDays: config.logRetentionDays,
    });
    this.image = ContainerImage.fromEcrRepository(build.repository, build.tag);
    this.ready = [build.done];
  }
}

const dockerfile = 'functions/worker/Dockerfile';
