import { Size } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { fargateTask } from '../../lib/contracts/instances.ts';
import type { StackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { modelVariables } from '../model-id.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import { publish, readModel, readPictures, writeBatches, writeRuns } from './permissions.ts';
import type { Results } from './results.ts';
import { SpotJob } from './spot-job.ts';
import type { Storage } from './storage.ts';
import { WorkerImage } from './worker-image.ts';
import { gpuMemoryMiB } from './worker-task.ts';

/** The places for jobs that are asked for, and the outputs that tell of them. */
export function jobs(scope: Construct, props: BatchJobProps): Partial<StackOutputs> {
  const training = props.config.training ? trainingJob(scope, props) : undefined;
  const batch = props.config.batch ? batchJob(scope, props) : undefined;
  return {
    ...(training && {
      trainingQueue: training.queue.jobQueueArn,
      trainingJob: training.definition.jobDefinitionArn,
    }),
    ...(batch && { batchQueue: batch.queue.jobQueueArn, batchJob: batch.definition.jobDefinitionArn }),
  };
}

export interface BatchJobProps {
  config: DeploymentConfig;
  network: Network;
  storage: Storage;
  results: Results;
  model: ModelLocation;
  image: WorkerImage;
}

/** Where `igpt batch submit` sends its jobs: a child for each shard, on the hardware and with the image of the workers. */
export function batchJob(scope: Construct, props: BatchJobProps): SpotJob {
  const { config, network, storage, results, model, image } = props;
  const gpu = config.compute === 'gpu';
  const job = new SpotJob(scope, 'Batch', {
    ...{ network, image },
    command: ['node', 'functions/batch/main.ts'],
    name: 'batch',
    environment: {
      ...modelVariables(config),
      MODEL_LOCATION: model.location,
      MODEL_ID: model.modelId,
      MODEL_CACHE: '/cache',
      PROVIDER: gpu ? 'cuda' : 'cpu',
      RESULTS_TOPIC_ARN: results.topic.topicArn,
    },
    permissions: [
      ...readPictures(storage.input, config.inputKmsKey),
      ...readModel(model),
      ...writeBatches(storage.output),
      publish(results.topic),
    ],
    vcpus: fargateTask.vcpus,
    memory: gpu ? Size.mebibytes(gpuMemoryMiB) : Size.gibibytes(fargateTask.memoryGib),
    // For a model of up to 6 GB, and what is derived from it.
    disk: Size.gibibytes(30),
    jobs: config.batchTasks,
    ...(gpu && { gpu: config.instanceTypes }),
    logRetentionDays: config.logRetentionDays,
  });
  job.definition.node.addDependency(...model.ready);
  return job;
}

export interface TrainingJobProps {
  config: DeploymentConfig;
  network: Network;
  storage: Storage;
  model: ModelLocation;
}

/**
 * Where `igpt train --on-aws` sends its jobs: one after the other, on the processor, because onnxruntime trains on no
 * GPU. A job that Spot takes away goes on from what its last attempt left on S3.
 */
export function trainingJob(scope: Construct, { config, network, storage, model }: TrainingJobProps): SpotJob {
  return new SpotJob(scope, 'Training', {
    network,
    image: new WorkerImage(scope, 'TrainingImage', { ...config, compute: 'cpu' }, { training: true }),
    command: ['node', 'functions/train/main.ts'],
    name: 'train',
    environment: {},
    permissions: [
      ...readPictures(storage.input, config.inputKmsKey),
      ...readModel(model),
      ...writeRuns(storage.output),
    ],
    // Fargate's largest task; igpt train has a thread for each vCPU.
    vcpus: 16,
    memory: Size.gibibytes(32),
    // For the data set's tokens, and a run of iGPT-S: 0.3 GB of weights and three times that for a checkpoint, twice.
    disk: Size.gibibytes(50),
    jobs: 1,
    logRetentionDays: config.logRetentionDays,
  });
}
