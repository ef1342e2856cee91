import { expect, test } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { deploymentWarnings } from '../../../lib/contracts/deployment-warnings.ts';

const alarmEmail = 'ops@example.com';
const warned = (settings: Record<string, unknown>, region?: string) =>
  deploymentWarnings(readDeploymentConfig(settings, region), region).map(({ id }) => id);

test('alarms that nobody receives are a warning', () => {
  expect(warned({})).toEqual(['image-gpt:alarmEmail']);
  expect(warned({ alarmEmail })).toEqual([]);
});

test('named instance types that the region seems to lack are a warning; the message names them', () => {
  const instanceTypes = 'g6.xlarge,g5.xlarge';

  expect(warned({ alarmEmail, instanceTypes }, 'eu-west-1')).toEqual(['image-gpt:instanceTypes']);
  expect(warned({ alarmEmail, instanceTypes, compute: 'cpu' }, 'eu-west-1')).toEqual([]);
  expect(warned({ alarmEmail, instanceTypes }, 'us-east-1')).toEqual([]);
  expect(warned({ alarmEmail, instanceTypes }, 'xx-new-1')).toEqual([]);
  expect(warned({ alarmEmail, instanceTypes })).toEqual([]);
  const [warning] = deploymentWarnings(readDeploymentConfig({ alarmEmail, instanceTypes }), 'eu-west-1');
  expect(warning?.message).toContain('eu-west-1 seems to lack g6.xlarge:');
});
