import type { DeploymentConfig } from './deployment-settings.ts';
import { isOffered } from './instances.ts';

/** What can be deployed, but is probably not meant. `id` is stable, so that a warning can be acknowledged. */
export interface DeploymentWarning {
  id: string;
  message: string;
}

/** @param region the region that is deployed to; undefined if it is unknown */
export function deploymentWarnings(config: DeploymentConfig, region: string | undefined): DeploymentWarning[] {
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
  return warnings;
}
