import { Size } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../deployment-config.ts';
import { modelVariables } from '../model-id.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import { publish, readModel, readPictures, writeBatches } from './permissions.ts';
import type { Results } from './results.ts';
import { SpotJob } from './spot-job.ts';
import type { Storage } from './storage.ts';
import type { WorkerImage } from './worker-image.ts';
import { fargateSize, gpuMemoryMiB } from './worker-task.ts';

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
    vcpus: fargateSize.cpu / 1024,
    memory: Size.mebibytes(gpu ? gpuMemoryMiB : fargateSize.memoryLimitMiB),
    // For a model of up to 6 GB, and what is derived from it.
    disk: Size.gibibytes(30),
    jobs: config.batchTasks,
    ...(gpu && { gpu: config.instanceTypes }),
    logRetentionDays: config.logRetentionDays,
  });
  job.definition.node.addDependency(...model.ready);
  return job;
}
