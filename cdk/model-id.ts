import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type DeploymentConfig, DeploymentConfigError } from '../lib/contracts/deployment-settings.ts';
import { modelId } from '../lib/contracts/keys.ts';

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
 * The id that the worker will compute for the checkpoint in `directory`. The worker's own code computes it in another
 * process, because cdk/ may not import code that reads checkpoints. Reads the whole checkpoint: 5 GB take seconds.
 *
 * @throws DeploymentConfigError when there is no usable checkpoint, or the settings do not fit it
 */
export function computeModelId(directory: string, config: DeploymentConfig): string {
  const script = join(repository, 'functions/worker/print-model-id.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, ...unset, ...modelVariables(config), MODEL_LOCATION: directory },
  });
  if (status !== 0) throw new DeploymentConfigError([`model: ${stderr.trim()}`]);
  return modelId.parse(stdout.trim());
}

/** Root of the repository. Bundles and images are built from it, and relative paths of settings start at it. */
export const repository = join(import.meta.dirname, '..');
