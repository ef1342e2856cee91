import { expect, test } from 'vitest';
import { imageGptTemplate, resource } from '../../cdk/synthesize.ts';
import { imageName, jobToPodman, taskToPodman } from '../../prove-image/podman-options.ts';

const template = imageGptTemplate({ compute: 'cpu', batch: 'true', training: 'true' });
const task = resource(template, 'AWS::ECS::TaskDefinition').properties;
const job = resource(template, 'AWS::Batch::JobDefinition', 'BatchDefinition').properties;

const unprivileged = ['--user=node', '--cap-drop=all', '--security-opt=no-new-privileges'];

test('a task has the rights, memory, vCPUs, volume and time to stop of its definition', () => {
  const { options, command, image, environment } = taskToPodman(task, 'w');

  expect(options).toEqual([
    ...unprivileged,
    ...['--read-only', '--read-only-tmpfs=false'],
    ...['--memory=8192m', '--cpus=4', '--init', '--volume=w-cache:/cache', '--stop-timeout=110'],
  ]);
  expect(command).toEqual([]);
  expect(image).toMatch(/^localhost\/[0-9a-f]{64}$/);
  expect(environment).toMatchObject({ MODEL_CACHE: '/cache', AWS_REGION: { Ref: 'AWS::Region' } });
});

test('a GPU task has the memory of its container, and the same rights', () => {
  const { options, environment } = taskToPodman(
    resource(imageGptTemplate({}), 'AWS::ECS::TaskDefinition').properties,
    'w',
  );

  expect(options).toEqual([
    ...unprivileged,
    ...['--read-only', '--read-only-tmpfs=false'],
    ...['--memory=13312m', '--init', '--volume=w-cache:/cache', '--stop-timeout=110'],
  ]);
  expect(environment).toMatchObject({ PROVIDER: 'cuda' });
});

test('a job has the command of its definition, and only the image’s volume', () => {
  const { options, command } = jobToPodman(job);

  expect(options).toEqual([...unprivileged, '--memory=8192m', '--cpus=4']);
  expect(command).toEqual(['node', 'functions/batch/main.ts']);
});

test('training has an image of its own', () => {
  const training = resource(template, 'AWS::Batch::JobDefinition', 'TrainingDefinition').properties;

  expect(jobToPodman(training).image).not.toBe(jobToPodman(job).image);
  expect(jobToPodman(job).image).toBe(taskToPodman(task, 'w').image);
});

test('a property of the definition that the proof does not know is refused', () => {
  const [container] = task.ContainerDefinitions;
  const changed = { ...task, ContainerDefinitions: [{ ...container, Hostname: 'h' }] };

  expect(() => taskToPodman(changed, 'w')).toThrow('Hostname');
});

test('an image that is no asset is refused', () => {
  const [container] = task.ContainerDefinitions;
  const changed = { ...task, ContainerDefinitions: [{ ...container, Image: 'node:24' }] };

  expect(() => taskToPodman(changed, 'w')).toThrow('Expected the address of an image asset, received "node:24".');
  expect(imageName('ab')).toBe('localhost/ab');
});
