import type { Task } from '@aws-sdk/client-ecs';
import { describe, expect, test } from 'vitest';
import { judgeProof, noProofBecause } from '../../../../functions/rollout/judge-proof.ts';
import type { RolloutEvent } from '../../../../lib/contracts/rollout.ts';

const at = (minute: number, second = 0) => new Date(Date.UTC(2026, 10, 30, 12, minute, second));

/** A container that ECS stopped, as DescribeTasks shows it. */
const container = (exitCode?: number, reason?: string) => [
  { name: 'worker', lastStatus: 'STOPPED', ...(exitCode !== undefined && { exitCode }), ...(reason && { reason }) },
];

const exited = { stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' } as const;

const oldDriver =
  'CannotStartContainerError: Error response from daemon: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update your driver to a newer version, or use an earlier cuda container: unknown';

describe('a stopped task', () => {
  test.each<[string, Partial<Task>, string, RegExp]>([
    // Amazon ECS API Reference, "Task".
    ['ended with 0', { ...exited, containers: container(0) }, 'proved', /in 75 s$/],
    ['ended with 1', { ...exited, containers: container(1) }, 'failed', /^Essential container .*; exit code 1$/],
    // Our own codes: functions/proof-exit.ts.
    ['found another model', { ...exited, containers: container(66) }, 'failed', /another model than modelId/],
    ['found no model', { ...exited, containers: container(65) }, 'failed', /no checkpoint at the model’s location/],
    ['found no GPU', { ...exited, containers: container(67) }, 'failed', /onnxruntime cannot use the GPU/],
    // AWS re:Post, "Why is my Amazon ECS task stopped?": exit codes 137 and 139.
    [
      'ran out of memory',
      { ...exited, containers: container(137, 'OutOfMemoryError: Container killed due to memory usage') },
      'failed',
      /OutOfMemoryError.*exit code 137/,
    ],
    ['crashed', { ...exited, containers: container(139) }, 'failed', /exit code 139/],
    // Amazon ECS Developer Guide, "Stopped tasks error codes".
    [
      'found no image',
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason:
          'CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref',
        containers: container(undefined, 'CannotPullContainerError: pull image manifest has been retried 5 time(s)'),
      },
      'failed',
      /^CannotPullContainerError/,
    ],
    [
      'had no route to AWS',
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason:
          'ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue',
        containers: container(),
      },
      'failed',
      /^ResourceInitializationError/,
    ],
    // NVIDIA/nvidia-docker#1442, as ECS passes it on.
    [
      'met an old driver',
      { stopCode: 'TaskFailedToStart', stoppedReason: oldDriver, containers: container(undefined, oldDriver) },
      'failed',
      /NVIDIA driver is too old for CUDA 13\.0/,
    ],
    [
      'was stopped by an operator',
      { stopCode: 'UserInitiated', stoppedReason: 'Task stopped by user', containers: container(143) },
      'failed',
      /Task stopped by user/,
    ],
    // Amazon ECS Developer Guide, "Amazon ECS clusters for Fargate", Fargate Spot termination notices.
    [
      'lost Fargate Spot',
      { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.', containers: container(143) },
      'unproved',
      /machine was taken away.*interrupted/,
    ],
    // Amazon ECS API Reference, Task.stopCode; the reasons are ours.
    [
      'lost its instance after a notice',
      {
        stopCode: 'TerminationNotice',
        stoppedReason: 'Task stopped by a termination notice',
        containers: container(143),
      },
      'unproved',
      /taken away/,
    ],
    [
      'lost its instance at once',
      { stoppedReason: 'Host EC2 (instance i-0123456789abcdef0) terminated.', containers: container() },
      'unproved',
      /taken away/,
    ],
    [
      'was on a broken host',
      { stopCode: 'InfrastructureHealth', stoppedReason: 'Task stopped: infrastructure', containers: container() },
      'unproved',
      /taken away/,
    ],
    // Amazon ECS Developer Guide, "API failure reasons".
    [
      'got no instance',
      { stopCode: 'TaskFailedToStart', stoppedReason: 'TaskFailedToStart: EMPTY CAPACITY PROVIDER' },
      'unproved',
      /no machine could be had/,
    ],
    [
      'got no GPU',
      { stopCode: 'TaskFailedToStart', stoppedReason: 'TaskFailedToStart: RESOURCE:GPU' },
      'unproved',
      /no machine could be had/,
    ],
    [
      'met an agent that is away',
      { stopCode: 'TaskFailedToStart', stoppedReason: 'TaskFailedToStart: AGENT' },
      'unproved',
      /no machine could be had/,
    ],
    [
      'got no Fargate',
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason:
          'Capacity is unavailable at this time. Please try again later or in a different availability zone',
      },
      'unproved',
      /no machine could be had/,
    ],
    // The same page: the definition asks for more than the instances of the group have.
    [
      'wants too much memory',
      { stopCode: 'TaskFailedToStart', stoppedReason: 'TaskFailedToStart: RESOURCE:MEMORY' },
      'failed',
      /RESOURCE:MEMORY/,
    ],
    ['gives no reason', {}, 'failed', /no reason given/],
  ])('that %s', (_, task, end, why) => {
    const times = { startedAt: at(5), stoppedAt: at(6, 15) };

    expect(judgeProof({ lastStatus: 'STOPPED', ...times, ...task }, 7)).toEqual({
      end,
      why: expect.stringMatching(why),
    });
  });
});

describe('a task that has not stopped', () => {
  test.each<[string, Task | undefined, number, string]>([
    ['is not listed yet', undefined, 0, 'wait'],
    ['was never listed', undefined, 12, 'unproved'],
    ['waits for a machine', { lastStatus: 'PROVISIONING' }, 11.9, 'wait'],
    ['waits too long for a machine', { lastStatus: 'PROVISIONING' }, 12, 'unproved'],
    ['pulls its image', { lastStatus: 'PENDING' }, 16, 'wait'],
    ['pulls its image for too long', { lastStatus: 'PENDING' }, 27, 'unproved'],
    ['loads its model', { lastStatus: 'RUNNING', startedAt: at(5) }, 26.9, 'wait'],
    ['never ends', { lastStatus: 'RUNNING', startedAt: at(5) }, 27, 'failed'],
    [
      'has ended and is taken down',
      { lastStatus: 'DEPROVISIONING', startedAt: at(5), containers: container(0) },
      9,
      'wait',
    ],
  ])('and %s', (_, task, minutes, end) => {
    expect(judgeProof(task, minutes).end).toBe(end);
  });
});

describe('a definition is proved', () => {
  const event = (before: string | undefined, Prove: 'true' | 'false' = 'true'): RolloutEvent => ({
    RequestType: before === undefined ? 'Create' : 'Update',
    StackId: 'stack',
    ResourceProperties: {
      Cluster: 'cluster',
      TaskDefinition: 'worker:2',
      CapacityProvider: 'FARGATE',
      LogGroup: 'log',
      Services: ['Service'],
      Prove,
    },
    OldResourceProperties: before === undefined ? undefined : { TaskDefinition: before },
  });

  test.each([
    ['when its stack is created', event(undefined), 'CREATE_IN_PROGRESS'],
    ['when the kind of compute changes', event(undefined), 'UPDATE_IN_PROGRESS'],
    ['when it changes', event('worker:1'), 'UPDATE_IN_PROGRESS'],
  ])('%s', (_, given, status) => {
    expect(noProofBecause(given, status)).toBeUndefined();
  });

  test.each([
    ['when only a service changes', event('worker:2'), 'UPDATE_IN_PROGRESS', 'unchanged'],
    ['in a rollback', event('worker:1'), 'UPDATE_ROLLBACK_IN_PROGRESS', 'rolled back'],
    ['when the setting says so', event('worker:1', 'false'), 'UPDATE_IN_PROGRESS', 'proveDeployment is false'],
  ])('but not %s', (_, given, status, because) => {
    expect(noProofBecause(given, status)).toContain(because);
  });
});
