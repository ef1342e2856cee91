import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitEnvironment } from '../../../lib/contracts/environment.ts';
import { limitHoldName } from '../../../lib/operate/daily-limit.ts';
import { enforceLimit } from '../../../lib/operate/enforce-limit.ts';
import { type Answer, json, jsonError, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let metrics: ScriptedAws;
let states: ScriptedAws;
let mails: ScriptedAws;
let clients: { cloudWatch: CloudWatchClient; stepFunctions: SFNClient; sns: SNSClient };

beforeEach(async () => {
  [metrics, states, mails] = await Promise.all([startScriptedAws(), startScriptedAws(), startScriptedAws()]);
  clients = {
    cloudWatch: new CloudWatchClient(metrics.config),
    stepFunctions: new SFNClient(states.config),
    sns: new SNSClient(mails.config),
  };
  mails.answer({ status: 200, headers: { 'content-type': 'text/xml' }, body: '<PublishResponse/>' });
});

afterEach(async () => {
  for (const client of Object.values(clients)) client.destroy();
  for (const server of [metrics, states, mails]) await server[Symbol.asyncDispose]();
});

const arn = (name: string) => `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}`;
const env = limitEnvironment.parse({
  MAX_USD_PER_DAY: '5',
  METERS: JSON.stringify([
    {
      unit: 'fargate-minute',
      measures: [{ namespace: 'AWS/ECS', name: 'CPUUtilization', stat: 'SampleCount', dimensions: {} }],
    },
  ]),
  HOLD_ARN: arn('hold'),
  RELEASE_ARN: arn('release'),
  ALARM_TOPIC_ARN: 'arn:aws:sns:eu-central-1:123456789012:alarms',
  STACK_NAME: 'Mine',
});
const noon = new Date('2026-12-01T12:00:00Z');

/** 1,500 task minutes are 5.06 USD, and 1,200 are 4.05 USD. */
function counted(minutes: number): void {
  metrics.answer(json({ Datapoints: [{ SampleCount: minutes }] }));
}

const executions = (...names: string[]) =>
  json({ executions: names.map((name) => ({ name, status: 'SUCCEEDED', startDate: noon.getTime() / 1000 - 60 })) });
const started = json({ executionArn: 'arn:1', startDate: 0 });

/** Both lists of executions are asked for at once, in any order. */
function answerStates(holds: Answer, ...rest: Answer[]): void {
  const list: Answer = (response, request) => {
    void request;
    const { body } = states.requests.at(-1) ?? { body: '{}' };
    const answer = JSON.parse(body).stateMachineArn === env.HOLD_ARN ? holds : executions();
    if (typeof answer !== 'function') response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  states.answer(list, list, ...rest);
}

const startedExecutions = () =>
  states.requests
    .filter(({ headers }) => String(headers['x-amz-target']).endsWith('StartExecution'))
    .map(({ body }) => JSON.parse(body));

describe('the function of the daily limit', () => {
  it('does nothing below the limit', async () => {
    counted(1200);
    answerStates(executions());

    expect(await enforceLimit(clients, env, noon)).toMatchObject({ did: 'nothing', spentUsd: expect.closeTo(4.05, 2) });
    expect([startedExecutions(), mails.requests]).toEqual([[], []]);
  });

  it('holds the brake at the limit and sends one mail with both amounts', async () => {
    counted(1500);
    answerStates(executions(), started);

    expect(await enforceLimit(clients, env, noon)).toMatchObject({ day: '2026-12-01', did: 'hold' });
    expect(startedExecutions()).toEqual([
      expect.objectContaining({
        stateMachineArn: env.HOLD_ARN,
        name: limitHoldName({ day: '2026-12-01', usd: 5 }, 1),
        input: expect.stringContaining('"limitUsd":5'),
      }),
    ]);
    const [mail] = mails.requests.map(({ body }) => new URLSearchParams(body));
    expect(mail?.get('Subject')).toBe('Image GPT: daily limit of 5 USD reached');
    expect(mail?.get('Message')).toContain('stack Mine has spent about 5.06 USD on 2026-12-01 (UTC)');
    expect(mail?.get('Message')).toContain('igpt doctor --release --stack Mine');
  });

  it('sends no second mail when the list of executions lags behind', async () => {
    counted(1500);
    answerStates(executions(), jsonError(400, 'ExecutionAlreadyExists'));

    expect((await enforceLimit(clients, env, noon)).did).toBe('nothing');
    expect(mails.requests).toEqual([]);
  });

  it('releases after midnight', async () => {
    counted(0);
    answerStates(executions(limitHoldName({ day: '2026-12-01', usd: 5 }, 1)), started);

    expect((await enforceLimit(clients, env, new Date('2026-12-02T00:00:20Z'))).did).toBe('release');
    expect(startedExecutions()).toEqual([{ stateMachineArn: env.RELEASE_ARN, traceHeader: undefined }]);
  });

  it('fails, for its alarm, when CloudWatch denies a metric: it does not count it as nothing', async () => {
    metrics.answer(jsonError(400, 'AccessDeniedException'));

    await expect(enforceLimit(clients, env, noon)).rejects.toMatchObject({ code: 'access_denied' });
    expect(startedExecutions()).toEqual([]);
  });

  it('fails when the brake cannot be held', async () => {
    counted(1500);
    answerStates(executions(), jsonError(400, 'AccessDeniedException'));

    await expect(enforceLimit(clients, env, noon)).rejects.toMatchObject({ code: 'access_denied' });
    expect(mails.requests).toEqual([]);
  });
});
