import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type DeploymentConfig, DeploymentConfigError } from '../lib/contracts/deployment-settings.ts';
import { modelId } from '../lib/contracts/keys.ts';

/** The choices that make the id, as the worker's environment has them. Absent: the worker's defaults. */
export function modelVariables(config: DeploymentConfig): Record<string, string> {
  const { outputs, featureLayer, featureNorm, precision, scaledDecoding } = config;
  return {
    PRECISION: precision,
    SCALED_DECODING: String(scaledDecoding),
    ...(outputs && { OUTPUTS: outputs.join(',') }),
    ...(featureLayer !== undefined && { FEATURE_LAYER: String(featureLayer) }),
    ...(featureNorm && { FEATURE_NORM: featureNorm }),
  };
}

/** What happens to be set where the deployment runs is not set in the worker. */
const unset = { OUTPUTS: undefined, FEATURE_LAYER: undefined, FEATURE_NORM: undefined };

/**
 * The id that the worker will compute for the checkpoint in `directory`. Asked of the worker's own code in a process of
 * its own: the stack itself knows nothing of checkpoints. Reads the whole checkpoint: 5 GB take seconds.
 *
 * @throws DeploymentConfigError in that process's words when there is no usable checkpoint, or not with these settings
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

/** The repository's root: sources of bundles and images, and what relative paths of the configuration start from. */
export const repository = join(import.meta.dirname, '..');
