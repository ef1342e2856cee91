import { ECSClient } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stopAdvice } from '../../../lib/aws/stopped-task.ts';
import { readServices } from '../../../lib/operate/stack-services.ts';
import { json, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';
import { deployedStack, minutesBefore, noon } from '../../support/stack-state.ts';

let aws: ScriptedAws;
let client: ECSClient;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new ECSClient(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const { onDemandService: _, ...outputs } = deployedStack.outputs;
const seconds = (minutes: number) => minutesBefore(minutes).getTime() / 1000;
const spot = { serviceName: 'spot', desiredCount: 3, runningCount: 1, pendingCount: 2 };
const noTasks = json({ taskArns: [] });

describe('the services', () => {
  it('have their counts', async () => {
    aws.answer(json({ services: [spot] }), noTasks);

    expect(await readServices(client, outputs, noon)).toEqual([
      { role: 'worker', desired: 3, running: 1, pending: 2, trouble: null, stopped: [] },
    ]);
  });

  it('have ECS’s words while its latest event reports a problem', async () => {
    const unable = { createdAt: seconds(5), message: '(service spot) was unable to place a task.' };
    const steady = { createdAt: seconds(2), message: '(service spot) has reached a steady state.' };
    const old = { ...unable, createdAt: seconds(90) };
    const troubles: unknown[] = [];
    for (const events of [[unable], [unable, steady], [old]]) {
      aws.answer(json({ services: [{ ...spot, events }] }), noTasks);
      troubles.push((await readServices(client, outputs, noon))[0]?.trouble);
    }

    expect(troubles).toEqual(['(service spot) was unable to place a task.', null, null]);
  });

  it('have stopped tasks by reason with the words of their containers, latest first', async () => {
    const stoppedReason = 'Essential container in task exited';
    const task = (minutes: number, exitCode: number, reason?: string) => ({
      stoppedReason,
      stoppedAt: seconds(minutes),
      containers: [{ exitCode, reason }],
    });
    aws.answer(
      json({ services: [spot] }),
      json({ taskArns: ['a', 'b', 'c'] }),
      json({ tasks: [task(30, 1), task(9, 137, 'OutOfMemoryError'), task(20, 1)] }),
    );

    expect((await readServices(client, outputs, noon))[0]?.stopped).toEqual([
      { reason: `${stoppedReason}; OutOfMemoryError; exit code 137`, advice: null, tasks: 1, last: minutesBefore(9) },
      { reason: `${stoppedReason}; exit code 1`, advice: null, tasks: 2, last: minutesBefore(20) },
    ]);
  });

  it('do not repeat a reason, and have advice for a driver that is too old', async () => {
    const refused =
      'CannotStartContainerError: Error response from daemon: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update your driver to a newer version, or use an earlier cuda container: unknown';
    aws.answer(
      json({ services: [spot] }),
      json({ taskArns: ['a'] }),
      json({ tasks: [{ stoppedReason: refused, stoppedAt: seconds(3), containers: [{ reason: refused }] }] }),
    );

    expect((await readServices(client, outputs, noon))[0]?.stopped).toEqual([
      { reason: refused, advice: stopAdvice(refused), tasks: 1, last: minutesBefore(3) },
    ]);
  });

  it('are named if ECS does not know them', async () => {
    aws.answer(json({ services: [] }));

    expect((await readServices(client, outputs, noon))[0]?.trouble).toBe('ECS has no service spot');
  });
});
