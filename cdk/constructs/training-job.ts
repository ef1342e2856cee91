import { Size } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../deployment-config.ts';
import type { ModelLocation } from './model-location.ts';
import type { Network } from './network.ts';
import { readModel, readPictures, writeRuns } from './permissions.ts';
import { SpotJob } from './spot-job.ts';
import type { Storage } from './storage.ts';
import { WorkerImage } from './worker-image.ts';

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
