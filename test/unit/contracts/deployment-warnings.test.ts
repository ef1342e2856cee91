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

test('settings that the kind of compute does not use are a warning, which says what uses them', () => {
  const unused = (settings: Record<string, unknown>) =>
    deploymentWarnings(readDeploymentConfig({ alarmEmail, ...settings }), undefined, Object.keys(settings)).map(
      ({ message }) => message,
    );

  expect(unused({ compute: 'lambda', maxTasks: 4, instanceTypes: 'g5.xlarge', nodeImage: 'node:24' })).toEqual([
    'without effect in this deployment: maxTasks (needs compute=gpu or cpu), instanceTypes (needs compute=gpu), nodeImage (needs compute=gpu or cpu, batch or training)',
  ]);
  expect(unused({ compute: 'lambda', nodeImage: 'node:24', training: true })).toEqual([]);
  expect(unused({ compute: 'lambda', inferMemory: 3008, inferConcurrency: 4, inferReserved: false })).toEqual([]);
  expect(unused({ compute: 'cpu', inferMemory: 3008, batchTasks: 8 })).toEqual([
    'without effect in this deployment: inferMemory (needs compute=lambda), batchTasks (needs batch)',
  ]);
  expect(unused({ compute: 'gpu', maxTasks: 4, messagesPerTask: 9, cudaImage: 'cuda:13' })).toEqual([]);
});
