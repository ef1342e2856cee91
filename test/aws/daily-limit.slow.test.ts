import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { CreateStateMachineCommand, ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LimitEnvironment, limitEnvironment } from '../../lib/contracts/environment.ts';
import { holdsInForce, readExecutions } from '../../lib/operate/brake-executions.ts';
import { limitInForce } from '../../lib/operate/daily-limit.ts';
import { enforceLimit } from '../../lib/operate/enforce-limit.ts';
import { type Moto, startMoto } from '../support/moto.ts';

let moto: Moto;
let clients: { cloudWatch: CloudWatchClient; stepFunctions: SFNClient; sns: SNSClient };
let env: LimitEnvironment;

const metric = { Namespace: 'Test', MetricName: 'Minutes', Dimensions: [{ Name: 'ServiceName', Value: 'worker' }] };
const measure = { namespace: 'Test', name: 'Minutes', stat: 'SampleCount', dimensions: { ServiceName: 'worker' } };

beforeAll(async () => {
  moto = await startMoto();
  Object.assign(process.env, moto.environment);
  clients = { cloudWatch: new CloudWatchClient(), stepFunctions: new SFNClient(), sns: new SNSClient() };
  const [hold, release] = await Promise.all(['hold', 'release'].map(createMachine));
  const { TopicArn } = await clients.sns.send(new CreateTopicCommand({ Name: 'alarms' }));
  env = limitEnvironment.parse({
    MAX_USD_PER_DAY: '1',
    METERS: JSON.stringify([{ unit: 'fargate-minute', measures: [measure] }]),
    HOLD_ARN: hold,
    RELEASE_ARN: release,
    ALARM_TOPIC_ARN: TopicArn,
    STACK_NAME: 'Mine',
  });
}, 60_000);

afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await moto[Symbol.asyncDispose]();
});

async function createMachine(name: string): Promise<string | undefined> {
  const definition = JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
  const roleArn = 'arn:aws:iam::123456789012:role/brake';
  return (await clients.stepFunctions.send(new CreateStateMachineCommand({ name, definition, roleArn })))
    .stateMachineArn;
}

/** One sample for each task and minute, as ECS sends them. */
async function runTask(from: Date, minutes: number): Promise<void> {
  const samples = Array.from({ length: minutes }, (_, minute) => ({
    ...metric,
    MetricName: metric.MetricName,
    Timestamp: new Date(from.getTime() + minute * 60_000),
    Value: 50,
  }));
  for (let first = 0; first < minutes; first += 100) {
    const MetricData = samples
      .slice(first, first + 100)
      .map(({ MetricName, Dimensions, Timestamp, Value }) => ({ MetricName, Dimensions, Timestamp, Value }));
    await clients.cloudWatch.send(new PutMetricDataCommand({ Namespace: metric.Namespace, MetricData }));
  }
}

test('an emulated day: below the limit, over it, held once, released after midnight', async () => {
  const midnight = new Date(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  const at = (hours: number) => new Date(midnight.getTime() + hours * 3_600_000);
  const brake = { holdArn: env.HOLD_ARN, releaseArn: env.RELEASE_ARN };
  const did = async (hours: number) => (await enforceLimit(clients, env, at(hours))).did;
  // Yesterday's minutes, which do not count today.
  await runTask(at(-5), 300);
  // An hour of Fargate is 0.202 USD.
  await runTask(at(0), 290);
  expect((await enforceLimit(clients, env, at(4.5))).spentUsd).toBeCloseTo((0.20248 * 271) / 60, 1);
  expect(await did(4.5)).toBe('nothing');
  await runTask(at(4.84), 20);
  expect(await did(5.2)).toBe('hold');
  expect(limitInForce(await readExecutions(clients.stepFunctions, brake))).toEqual({
    day: midnight.toISOString().slice(0, 10),
    usd: 1,
  });
  expect(await did(5.3)).toBe('nothing');
  // The emulator never ends an execution. While it runs, there is no release.
  expect(await did(24.01)).toBe('nothing');
  const { executions = [] } = await clients.stepFunctions.send(
    new ListExecutionsCommand({ stateMachineArn: env.HOLD_ARN }),
  );
  expect(executions).toHaveLength(1);
  await clients.stepFunctions.send(new StopExecutionCommand({ executionArn: executions[0]?.executionArn }));
  expect(await did(24.09)).toBe('release');
  expect(holdsInForce(await readExecutions(clients.stepFunctions, brake))).toEqual([]);
  expect(await did(24.2)).toBe('nothing');
}, 60_000);
