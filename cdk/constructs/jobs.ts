import { Size } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { fargateTask } from '../../lib/contracts/instances.ts';
import type { StackOutputs } from '../../lib/contracts/stack-outputs.ts';
import { modelVariables } from '../model.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import { publish, readModel, readPictures, writeJobs, writeTrainings } from './permissions.ts';
import type { Results } from './results.ts';
import { SpotJob } from './spot-job.ts';
import type { Storage } from './storage.ts';
import { cacheFolder, WorkerImage } from './worker-image.ts';
import { gpuMemoryMiB } from './worker-task.ts';

export interface JobsProps {
  config: DeploymentConfig;
  /** Kind of compute, as in the ids of what belongs to it. */
  kind: string;
  /** Made when a job needs it. */
  network: () => Network;
  storage: Storage;
  results: Results;
  model: ModelLocation;
  /** Image of the workers. */
  image: () => WorkerImage;
}

/** AWS Batch queues and job definitions for trainings and for data sets, if the deployment asks for them. */
export function jobs(scope: Construct, props: JobsProps): Partial<StackOutputs> {
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

/** Time between two copies of a training's directory to S3 (seconds). */
const copySeconds = 60;

/**
 * For `igpt train --on-aws`: one training at a time, on the CPU, because onnxruntime does not train on a GPU. When Spot
 * takes its machine away, the next attempt resumes from the checkpoint on S3.
 */
function trainingJob(scope: Construct, { config, network, storage, model }: JobsProps): SpotJob {
  return new SpotJob(scope, 'Training', {
    network: network(),
    image: new WorkerImage(scope, 'TrainingImage', { ...config, compute: 'cpu' }, { training: true }),
    command: ['node', 'functions/train/main.ts'],
    name: 'train',
    environment: { TRAIN_FOLDER: cacheFolder, TRAIN_COPY_SECONDS: String(copySeconds) },
    permissions: [
      ...readPictures(storage.input, config.inputKmsKey),
      ...readModel(model),
      ...writeTrainings(storage.output, config.outputKmsKey),
    ],
    // Fargate's largest task; igpt train starts a thread for each vCPU.
    vcpus: 16,
    memory: Size.gibibytes(32),
    // Room for the data set's tokens, and for two checkpoints of iGPT-S: each has 0.3 GB of weights and 0.6 GB of moments.
    disk: Size.gibibytes(50),
    jobs: 1,
    logRetentionDays: config.logRetentionDays,
  });
}

/** For `igpt batch submit`: a child job for each shard, on GPU instances or on Fargate, with the workers' image. */
function batchJob(scope: Construct, { config, kind, network, storage, results, model, image }: JobsProps): SpotJob {
  const gpu = config.compute === 'gpu';
  const job = new SpotJob(scope, `${kind}Batch`, {
    network: network(),
    image: image(),
    command: ['node', 'functions/batch/main.ts'],
    name: 'batch',
    environment: {
      ...modelVariables(config),
      MODEL_LOCATION: model.location,
      MODEL_ID: model.modelId,
      MODEL_CACHE: cacheFolder,
      PROVIDER: gpu ? 'cuda' : 'cpu',
      RESULTS_TOPIC_ARN: results.topic.topicArn,
    },
    permissions: [
      ...readPictures(storage.input, config.inputKmsKey),
      ...readModel(model),
      ...writeJobs(storage.output, config.outputKmsKey),
      publish(results.topic),
    ],
    vcpus: fargateTask.vcpus,
    memory: gpu ? Size.mebibytes(gpuMemoryMiB) : Size.gibibytes(fargateTask.memoryGib),
    // Room for a model of up to 6 GB and its derived files.
    disk: Size.gibibytes(30),
    jobs: config.batchTasks,
    gpu: gpu ? config.instanceTypes : undefined,
    logRetentionDays: config.logRetentionDays,
  });
  job.definition.node.addDependency(...model.ready);
  return job;
}
