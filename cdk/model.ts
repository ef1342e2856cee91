import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { type DeploymentConfig, DeploymentConfigError } from '../lib/contracts/deployment-settings.ts';
import { type FunctionModel, functionModel, whyNoFunction } from '../lib/contracts/infer-function.ts';
import { modelId } from '../lib/contracts/keys.ts';
import { isS3Location } from '../lib/contracts/s3-location.ts';
import { repository } from './repository.ts';

/** The settings that are part of the model id, as variables of the worker. Without a variable the worker has its default. */
export function modelVariables(config: DeploymentConfig): Record<string, string> {
  const { outputs, featureLayer, featureNorm, input, precision, scaledDecoding } = config;
  return {
    PRECISION: precision,
    SCALED_DECODING: String(scaledDecoding),
    ...(outputs && { OUTPUTS: outputs.join(',') }),
    ...(featureLayer !== undefined && { FEATURE_LAYER: String(featureLayer) }),
    ...(featureNorm && { FEATURE_NORM: featureNorm }),
    ...(input && { INPUT: input }),
  };
}

/** Variables of the deploying machine that must not reach the computation of the id. */
const unset = { OUTPUTS: undefined, FEATURE_LAYER: undefined, FEATURE_NORM: undefined, INPUT: undefined };

/**
 * The id that the worker will compute for the checkpoint in `directory`. Reads the whole checkpoint: 5 GB take
 * seconds.
 *
 * @throws DeploymentConfigError when there is no usable checkpoint, or the settings do not fit it
 */
export function computeModelId(directory: string, config: DeploymentConfig): string {
  return modelId.parse(describeModel('functions/worker/print-model-id.ts', directory, config));
}

/**
 * What a function must know of the model. It reads no weights, and runs before anything is built or uploaded. The
 * config.json of a model on S3 is read there.
 *
 * @throws DeploymentConfigError when the model cannot be read, or cannot run in a function with `inferMemory`
 */
export function fitFunction(config: DeploymentConfig): FunctionModel {
  const { model: location, inferMemory } = config;
  const place = isS3Location(location) ? location : modelDirectory(location);
  const model = functionModel.parse(
    JSON.parse(describeModel('functions/infer/print-function-model.ts', place, config)),
  );
  const why = whyNoFunction(model, inferMemory);
  if (why !== undefined) throw new DeploymentConfigError([`compute=lambda: ${why}`]);
  return model;
}

/** Runs one of the processes' own programs, because cdk/ may not import code that reads checkpoints. */
function describeModel(program: string, location: string, config: DeploymentConfig): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(repository, program)], {
    encoding: 'utf8',
    env: { ...process.env, ...unset, ...modelVariables(config), MODEL_LOCATION: location },
  });
  if (status !== 0) throw new DeploymentConfigError([`model: ${stderr.trim()}`]);
  return stdout.trim();
}

/** The directory that the setting `model` names. */
export function modelDirectory(model: string): string {
  return isAbsolute(model) ? model : join(repository, model);
}

export interface CheckpointFile {
  name: string;
  /** Size, through a symbolic link: a hub cache holds links. */
  bytes: number;
}

/** The files of a checkpoint directory that processes read. Others are pickles, other formats, a README. */
export function checkpointFiles(directory: string): CheckpointFile[] {
  return readdirSync(directory)
    .filter((name) => /\.(json|safetensors)$/.test(name))
    .map((name) => ({ name, bytes: statSync(join(directory, name)).size }));
}

/** Their size together (bytes). */
export function checkpointBytes(directory: string): number {
  return checkpointFiles(directory).reduce((sum, { bytes }) => sum + bytes, 0);
}
