import type { DeploymentConfig } from './deployment-settings.ts';
import { isOffered } from './instances.ts';

/** What can be deployed, but is probably not meant. `id` is stable, so that a warning can be acknowledged. */
export interface DeploymentWarning {
  id: string;
  message: string;
}

/** Whether a deployment has an image: workers and jobs run in tasks, whatever computes the uploads. */
export function needsImage({
  compute,
  batch,
  training,
}: Pick<DeploymentConfig, 'compute' | 'batch' | 'training'>): boolean {
  return compute !== 'lambda' || batch || training;
}

/** What a setting needs to have an effect. */
const needs = {
  ecs: { text: 'compute=gpu or cpu', holds: ({ compute }) => compute !== 'lambda' },
  gpu: { text: 'compute=gpu', holds: ({ compute }) => compute === 'gpu' },
  lambda: { text: 'compute=lambda', holds: ({ compute }) => compute === 'lambda' },
  image: { text: 'compute=gpu or cpu, batch or training', holds: needsImage },
  batch: { text: 'batch', holds: ({ batch }) => batch },
} as const satisfies Record<string, { text: string; holds: (config: DeploymentConfig) => boolean }>;

/** Settings that not every deployment uses. */
const usedWith: Partial<Record<keyof DeploymentConfig, keyof typeof needs>> = {
  maxTasks: 'ecs',
  messagesPerTask: 'ecs',
  instanceTypes: 'gpu',
  cudaImage: 'gpu',
  cudaLibrarySha256: 'gpu',
  inferMemory: 'lambda',
  inferConcurrency: 'lambda',
  inferReserved: 'lambda',
  imageBuild: 'image',
  nodeImage: 'image',
  batchTasks: 'batch',
};

/**
 * @param region the region that is deployed to; undefined if it is unknown
 * @param given names of the settings that are not defaults
 */
export function deploymentWarnings(
  config: DeploymentConfig,
  region: string | undefined,
  given: readonly string[] = [],
): DeploymentWarning[] {
  const { alarmEmail, compute, instanceTypes } = config;
  const warnings: DeploymentWarning[] = [];
  if (alarmEmail === undefined) {
    const message = 'nobody receives the alarms: deploy with -c alarmEmail=ADDRESS, or subscribe to AlarmTopicArn';
    warnings.push({ id: 'image-gpt:alarmEmail', message });
  }
  const lacking = instanceTypes.filter((type) => region !== undefined && isOffered(type, region) === false);
  if (compute === 'gpu' && lacking.length > 0) {
    const message = `${region} seems to lack ${lacking.join(', ')}: igpt doctor asks EC2; one missing type fails the environment of data-set jobs`;
    warnings.push({ id: 'image-gpt:instanceTypes', message });
  }
  const unused = Object.entries(usedWith)
    .filter(([name, need]) => given.includes(name) && !needs[need].holds(config))
    .map(([name, need]) => `${name} (needs ${needs[need].text})`);
  if (unused.length > 0) {
    warnings.push({
      id: 'image-gpt:unusedSettings',
      message: `without effect in this deployment: ${unused.join(', ')}`,
    });
  }
  return warnings;
}
