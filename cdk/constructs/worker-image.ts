import { IgnoreMode } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Construct, type IDependable } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { repository } from '../model-id.ts';
import { ImageBuild } from './image-build.ts';

/** What the image is made from; a change of anything else builds no new one. */
const context = [
  '**',
  '!package.json',
  '!package-lock.json',
  '!functions',
  'functions/preprocess',
  '!lib',
  'lib/cli',
  'lib/models',
  'lib/training',
];

/** A training job runs the `igpt` command, which knows igpt-nano by its name. */
const trainingContext = ['**', '!package.json', '!package-lock.json', '!functions', 'functions/preprocess', '!lib'];

/** The worker's container image, for x86-64: onnxruntime has its CUDA libraries for nothing else. */
export class WorkerImage extends Construct {
  readonly image: ContainerImage;
  /** What must be there before a task starts. */
  readonly ready: readonly IDependable[];

  /** `training`: with what trains a model, too. */
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
      exclude: training ? trainingContext : context,
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
