import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECSClient } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRollout, ProofError, type Rollout } from '../../../../functions/rollout/rollout.ts';
import type { RolloutEvent } from '../../../../lib/contracts/rollout.ts';
import { type Answer, json, jsonError, type ScriptedAws, startScriptedAws } from '../../../support/scripted-aws.ts';
import { createVirtualClock, type VirtualClock } from '../../../support/virtual-clock.ts';

let aws: ScriptedAws;
let clock: VirtualClock;
let rollout: Rollout;
let warnings: string[];

beforeEach(async () => {
  aws = await startScriptedAws();
  clock = createVirtualClock(Date.UTC(2026, 10, 30, 12));
  warnings = [];
  rollout = createRollout({
    ecs: new ECSClient(aws.config),
    cloudFormation: new CloudFormationClient(aws.config),
    clock,
    warn: (message) => void warnings.push(message),
  });
});

afterEach(() => aws[Symbol.asyncDispose]());

const properties = {
  Cluster: 'cluster',
  TaskDefinition: 'worker:2',
  CapacityProvider: 'spot',
  LogGroup: 'log',
  Services: ['Spot'],
  Prove: 'true' as const,
};

const update: RolloutEvent = {
  RequestType: 'Update',
  StackId: 'stack-arn',
  ResourceProperties: properties,
  OldResourceProperties: { TaskDefinition: 'worker:1' },
};

const task = 'arn:aws:ecs:us-east-1:123456789012:task/cluster/0123';
const running = { task, startedAt: new Date(Date.UTC(2026, 10, 30, 12)).toISOString() };

const xml = (body: string, status = 200): Answer => ({ status, headers: { 'content-type': 'text/xml' }, body });
const stackIs = (status: string): Answer =>
  xml(
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Mine</StackName><StackStatus>${status}</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  );
const serviceIs = (arn: string): Answer =>
  xml(
    `<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail><PhysicalResourceId>${arn}</PhysicalResourceId></StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>`,
  );
const noResource = xml(
  '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Resource Spot does not exist for stack Mine</Message></Error></ErrorResponse>',
  400,
);
const none = json({ taskArns: [] });
const stopped = (exitCode: number) =>
  json({ tasks: [{ taskArn: task, lastStatus: 'STOPPED', startedAt: 10, stoppedAt: 22, containers: [{ exitCode }] }] });

/** Names of the ECS calls so far, with what they were given. */
const calls = () =>
  aws.requests.flatMap(({ headers, body }) => {
    const { 'x-amz-target': target } = headers;
    return typeof target === 'string' ? [[target.replace(/^.*\./, ''), JSON.parse(body)] as const] : [];
  });

describe('a request', () => {
  it('with a new definition runs it once, with the command of the proof', async () => {
    aws.answer(none, stackIs('UPDATE_IN_PROGRESS'), json({ tasks: [{ taskArn: task }] }));

    expect(await rollout.begin(update)).toEqual({ Proof: running });
    expect(calls().at(-1)).toEqual([
      'RunTask',
      {
        clientToken: expect.any(String),
        cluster: 'cluster',
        startedBy: 'image-gpt-proof',
        taskDefinition: 'worker:2',
        capacityProviderStrategy: [{ capacityProvider: 'spot', weight: 1 }],
        overrides: { containerOverrides: [{ name: 'worker', command: ['node', 'functions/worker/prove.ts'] }] },
      },
    ]);
  });

  it('on Fargate gives the task a public address', async () => {
    aws.answer(none, stackIs('CREATE_IN_PROGRESS'), json({ tasks: [{ taskArn: task }] }));
    const address = { Subnets: ['subnet-1', 'subnet-2'], SecurityGroups: ['sg-1'] };
    await rollout.begin({ ...update, ResourceProperties: { ...properties, ...address } });

    expect(calls().at(-1)?.[1].networkConfiguration).toEqual({
      awsvpcConfiguration: { subnets: ['subnet-1', 'subnet-2'], securityGroups: ['sg-1'], assignPublicIp: 'ENABLED' },
    });
  });

  it('in a rollback ends the proof that still runs, and starts none', async () => {
    aws.answer(json({ taskArns: [task] }), json({}), stackIs('UPDATE_ROLLBACK_IN_PROGRESS'));

    expect((await rollout.begin(update)).Proof).toMatchObject({ unproved: expect.stringContaining('rolled back') });
    expect(calls().map(([name]) => name)).toEqual(['ListTasks', 'StopTask']);
  });

  it.each([
    ['a failure of the call', json({ failures: [{ reason: 'EMPTY CAPACITY PROVIDER' }] })],
    [
      'an error of Fargate',
      {
        status: 400,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-query-error': 'ClientException;Sender' },
        body: JSON.stringify({
          __type: 'ClientException',
          message: 'Capacity is unavailable at this time. Please try again later or in a different availability zone',
        }),
      },
    ],
  ])('goes on without a machine: %s', async (_, answer) => {
    aws.answer(none, stackIs('UPDATE_IN_PROGRESS'), answer);

    expect((await rollout.begin(update)).Proof).toMatchObject({
      unproved: expect.stringMatching(/^no machine could be had: /),
      warning: true,
    });
  });

  it('fails when ECS refuses the task', async () => {
    aws.answer(none, stackIs('UPDATE_IN_PROGRESS'), jsonError(400, 'InvalidParameterException'));

    await expect(rollout.begin(update)).rejects.toThrow(ProofError);
  });

  it('to delete ends the proof, and is complete when it has stopped', async () => {
    const event: RolloutEvent = { ...update, RequestType: 'Delete' };
    aws.answer(json({ taskArns: [task] }), json({}));
    const { Proof: proof } = await rollout.begin(event);

    aws.answer(json({ tasks: [{ taskArn: task, lastStatus: 'DEPROVISIONING' }] }), stopped(143));
    expect(await rollout.finish(event, proof)).toEqual({ IsComplete: false });
    expect(await rollout.finish(event, proof)).toEqual({ IsComplete: true });
  });

  it('to delete succeeds without a proof, and without the cluster', async () => {
    const event: RolloutEvent = { ...update, RequestType: 'Delete' };
    aws.answer(none, jsonError(400, 'ClusterNotFoundException'));

    for (const { Proof: proof } of [await rollout.begin(event), await rollout.begin(event)]) {
      expect(await rollout.finish(event, proof)).toEqual({ IsComplete: true });
    }
  });
});

describe('the end of a proof', () => {
  it('is waited for', async () => {
    aws.answer(json({ tasks: [{ taskArn: task, lastStatus: 'RUNNING', startedAt: 10 }] }));

    expect(await rollout.finish(update, running)).toEqual({ IsComplete: false });
  });

  it('with 0 gives the services their live number of tasks', async () => {
    aws.answer(stopped(0), serviceIs('service-arn'), json({ services: [{ status: 'ACTIVE', desiredCount: 3 }] }));

    expect(await rollout.finish(update, running)).toEqual({
      IsComplete: true,
      Data: { Proof: 'proved: the worker opened its model and predicted a picture, in 12 s', Spot: 3 },
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['the deployment creates', [noResource]],
    ['CloudFormation has not named yet', [serviceIs('')]],
    ['was deleted by hand', [serviceIs('service-arn'), json({ services: [{ status: 'INACTIVE', desiredCount: 3 }] })]],
    ['ECS does not know', [serviceIs('service-arn'), json({ services: [], failures: [{ reason: 'MISSING' }] })]],
    // The cost brake was pulled.
    ['has no task', [serviceIs('service-arn'), json({ services: [{ status: 'ACTIVE', desiredCount: 0 }] })]],
  ])('gives 0 to a service that %s', async (_, answers) => {
    aws.answer(stopped(0), ...answers);

    expect(await rollout.finish(update, running)).toMatchObject({ Data: { Spot: 0 } });
  });

  it('fails when CloudFormation does not answer about a service, instead of ending its tasks', async () => {
    aws.answer(stopped(0), xml('<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>', 400));

    await expect(rollout.finish(update, running)).rejects.toThrow();
  });

  it('with another code fails, with its meaning and the place of its log', async () => {
    aws.answer(stopped(66));

    await expect(rollout.finish(update, running)).rejects.toThrow(
      /the location has another model than modelId says.*exit code 66.*stream worker\/worker\/0123 of log/,
    );
  });

  it('is given up without a machine: the task is stopped, the deployment warned and continued', async () => {
    clock.jump(12 * 60_000);
    aws.answer(
      json({ tasks: [{ taskArn: task, lastStatus: 'PROVISIONING' }] }),
      json({ taskArns: [task] }),
      json({}),
      noResource,
    );

    expect(await rollout.finish(update, running)).toEqual({
      IsComplete: true,
      Data: { Proof: 'not proved: no machine could be had within 12 minutes', Spot: 0 },
    });
    expect(warnings).toEqual(['not proved: no machine could be had within 12 minutes']);
    expect(calls()[2]).toEqual(['StopTask', expect.objectContaining({ task })]);
  });

  it('was not needed: the services still get their number of tasks', async () => {
    aws.answer(serviceIs('service-arn'), json({ services: [{ status: 'ACTIVE', desiredCount: 2 }] }));
    const proof = { unproved: 'not proved again: the task definition is unchanged', warning: false };

    expect(await rollout.finish(update, proof)).toEqual({
      IsComplete: true,
      Data: { Proof: 'not proved again: the task definition is unchanged', Spot: 2 },
    });
    expect(warnings).toEqual([]);
  });
});
