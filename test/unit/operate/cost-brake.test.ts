import { SFNClient } from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brakeState, readCostBrake, releaseCostBrake } from '../../../lib/operate/cost-brake.ts';
import { limitHoldName } from '../../../lib/operate/daily-limit.ts';
import { json, jsonError, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';
import { deployedStack, minutesBefore } from '../../support/stack-state.ts';

let aws: ScriptedAws;
let client: SFNClient;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new SFNClient(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const { outputs } = deployedStack;
const asked = () =>
  aws.requests.map(({ headers, body }) => [String(headers['x-amz-target']).replace(/^.*\./, ''), JSON.parse(body)]);
const execution = (status: string, minutes: number, name = 'alarm') => ({ name, status, at: minutesBefore(minutes) });
const limitOf5 = (attempt = 1) => limitHoldName({ day: '2026-11-24', usd: 5 }, attempt);
const limit = { day: '2026-11-24', usd: 5 };

describe('the cost brake', () => {
  it.each([
    [undefined, undefined, 'released', null, null],
    [undefined, execution('SUCCEEDED', 1), 'released', null, null],
    [execution('RUNNING', 5), undefined, 'holding', minutesBefore(5), null],
    [execution('SUCCEEDED', 5), execution('SUCCEEDED', 9), 'held', minutesBefore(5), null],
    [execution('TIMED_OUT', 5), undefined, 'held', minutesBefore(5), 'TIMED_OUT'],
    [execution('SUCCEEDED', 5), execution('RUNNING', 1), 'releasing', minutesBefore(1), null],
    [execution('SUCCEEDED', 5), execution('SUCCEEDED', 1), 'released', minutesBefore(1), null],
    [execution('SUCCEEDED', 5), execution('FAILED', 1), 'held', minutesBefore(5), 'FAILED'],
  ])('after hold %j and release %j is %s', (hold, release, state, since, failed) => {
    const list = <T>(item: T | undefined) => (item === undefined ? [] : [item]);

    expect(brakeState({ holds: list(hold), releases: list(release) })).toEqual({ state, since, failed, limit: null });
  });

  it('names the daily limit that holds it', () => {
    const holds = [execution('SUCCEEDED', 5, limitOf5(2)), execution('FAILED', 15, limitOf5())];

    expect(brakeState({ holds, releases: [] })).toMatchObject({ state: 'held', limit });
    expect(brakeState({ holds, releases: [execution('FAILED', 1)] })).toMatchObject({ state: 'held', limit });
    expect(brakeState({ holds, releases: [execution('SUCCEEDED', 1)] })).toMatchObject({
      state: 'released',
      limit: null,
    });
  });

  it('names no limit if an alarm or a person holds it too, before or after the limit', () => {
    const byLimit = execution('SUCCEEDED', 5, limitOf5());

    for (const holds of [
      [byLimit, execution('SUCCEEDED', 9)],
      [execution('SUCCEEDED', 1), byLimit],
    ]) {
      expect(brakeState({ holds, releases: [execution('SUCCEEDED', 10)] })).toMatchObject({
        state: 'held',
        limit: null,
      });
    }
  });

  it('depends on the latest execution of both state machines', async () => {
    const executions = (status: string, minutes: number) =>
      json({ executions: [{ status, startDate: minutesBefore(minutes).getTime() / 1000 }] });
    aws.answer(executions('SUCCEEDED', 5), executions('SUCCEEDED', 9));

    expect((await readCostBrake(client, outputs)).state).toBe('held');
    expect(asked().map(([action, { maxResults }]) => [action, maxResults])).toEqual([
      ['ListExecutions', 100],
      ['ListExecutions', 100],
    ]);
  });
});

describe('releasing the cost brake', () => {
  // Sleeping takes no time.
  const clock = { now: () => minutesBefore(0), sleep: async () => {} };
  const started = json({ executionArn: 'arn:1', startDate: 0 });
  const described = (status: string, cause?: string) => json({ status, startDate: 0, cause });
  const exited = (...names: string[]) =>
    json({
      events: names.map((name, id) => ({
        id,
        timestamp: 0,
        type: 'TaskStateExited',
        stateExitedEventDetails: { name },
      })),
    });

  it('starts the stack’s state machine, waits for its end and returns the completed steps', async () => {
    aws.answer(started, described('RUNNING'), described('SUCCEEDED'), exited('AllowGrowth1', 'TakeMessages1'));

    expect(await releaseCostBrake({ client, outputs, clock })).toEqual(['AllowGrowth1', 'TakeMessages1']);
    expect(asked()[0]).toEqual([
      'StartExecution',
      expect.objectContaining({ stateMachineArn: outputs.costBrakeReleaseArn }),
    ]);
  });

  it('names the completed steps when it fails', async () => {
    aws.answer(started, described('FAILED', 'throttled'), exited('AllowGrowth1'));

    await expect(releaseCostBrake({ client, outputs, clock })).rejects.toMatchObject({
      code: 'release_failed',
      message: expect.stringContaining('ended as FAILED (throttled); completed steps: AllowGrowth1'),
    });
  });

  it('stops waiting after ten minutes', async () => {
    let calls = 0;
    const late = { now: () => minutesBefore(calls++ === 0 ? 11 : 0), sleep: async () => {} };
    aws.answer(started, described('RUNNING'));

    await expect(releaseCostBrake({ client, outputs, clock: late })).rejects.toThrow('still running');
  });

  it('explains a missing permission', async () => {
    aws.answer(jsonError(400, 'AccessDeniedException'));

    await expect(releaseCostBrake({ client, outputs, clock })).rejects.toMatchObject({ code: 'access_denied' });
  });
});
