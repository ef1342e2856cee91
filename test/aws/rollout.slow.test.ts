import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CreateClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServicesCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRollout, type Rollout } from '../../functions/rollout/rollout.ts';
import type { RolloutEvent } from '../../lib/contracts/rollout.ts';
import { clientConfig } from '../support/deployed-in-moto.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';

// The custom resource of a rollout against an emulator of ECS and CloudFormation. The emulator runs no container: a task
// stays where it is, or goes on to STOPPED with exit code 0, as its transitions are set.

const missing = await motoMissing();

describe.skipIf(missing !== undefined)(`a rollout in moto${missing === undefined ? '' : ` (${missing})`}`, () => {
  let moto: Moto;
  let ecs: ECSClient;
  let cloudFormation: CloudFormationClient;
  let clock: VirtualClock;
  let rollout: Rollout;
  let create: RolloutEvent;

  beforeAll(async () => {
    moto = await startMoto();
    ecs = new ECSClient(clientConfig(moto));
    cloudFormation = new CloudFormationClient(clientConfig(moto));
    clock = createVirtualClock();
    rollout = createRollout({ ecs, cloudFormation, clock, warn: () => undefined });
    await ecs.send(new CreateClusterCommand({ clusterName: 'cluster', capacityProviders: ['FARGATE'] }));
    const containerDefinitions = [{ name: 'worker', image: 'worker', memory: 1 }];
    const family = { family: 'worker', networkMode: 'bridge', containerDefinitions } as const;
    const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand(family));
    const service = (Type: string, Properties: object) => ({ Resources: { Service: { Type, Properties } } });
    const template = service('AWS::ECS::Service', { Cluster: 'cluster', DesiredCount: 0, TaskDefinition: 'worker' });
    const about = { StackName: 'Mine', TemplateBody: JSON.stringify(template) };
    const { StackId = '' } = await cloudFormation.send(new CreateStackCommand(about));
    create = {
      RequestType: 'Create',
      StackId,
      ResourceProperties: {
        Cluster: 'cluster',
        TaskDefinition: taskDefinition?.taskDefinitionArn ?? '',
        CapacityProvider: 'FARGATE',
        LogGroup: 'log',
        Services: ['Service', 'Coming'],
        Prove: 'true',
      },
    };
  });
  afterAll(() => moto[Symbol.asyncDispose]());

  /** Sets through how many looks a task stays in each status. */
  async function transition(progression: 'manual' | 'immediate', times = 1): Promise<void> {
    const body = { model_name: 'ecs::task', transition: { progression, times } };
    await fetch(`${moto.endpoint}/moto-api/state-manager/set-transition`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
  }

  const started = async (event: RolloutEvent): Promise<string> => {
    const { Proof: proof } = await rollout.begin(event);
    return 'task' in proof ? proof.task : expect.fail(JSON.stringify(proof));
  };

  test('runs the definition with the command of the proof, and waits for it', async () => {
    await transition('manual', 100);
    const { Proof: proof } = await rollout.begin(create);
    const task = 'task' in proof ? proof.task : '';
    const { tasks: [found] = [] } = await ecs.send(new DescribeTasksCommand({ cluster: 'cluster', tasks: [task] }));

    expect(found).toMatchObject({ startedBy: 'image-gpt-proof', capacityProviderName: 'FARGATE' });
    expect(found?.overrides?.containerOverrides).toEqual([
      { name: 'worker', command: ['node', 'functions/worker/prove.ts'] },
    ]);
    expect(await rollout.finish(create, proof)).toEqual({ IsComplete: false });
  });

  test('gives a service its live count, and 0 to one that is still to come', async () => {
    await ecs.send(new UpdateServiceCommand({ cluster: 'cluster', service: await serviceName(), desiredCount: 3 }));

    expect(await rollout.finish(create, { unproved: 'unchanged', warning: false })).toEqual({
      IsComplete: true,
      Data: { Proof: 'unchanged', Service: 3, Coming: 0 },
    });
  });

  test('stops a proof that its stack no longer needs', async () => {
    await transition('manual', 100);
    const first = await started(create);
    const second = await started(create);
    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: 'cluster', tasks: [first, second] }));

    expect(tasks.map(({ desiredStatus }) => desiredStatus)).toEqual(['STOPPED', 'RUNNING']);
    const remove: RolloutEvent = { ...create, RequestType: 'Delete' };
    const { Proof: proof } = await rollout.begin(remove);
    expect(await rollout.finish(remove, proof)).toEqual({ IsComplete: true });
  });

  test('is complete when the task has ended with 0', async () => {
    await transition('immediate');
    const { Proof: proof } = await rollout.begin(create);
    const looks = [];
    while (looks.at(-1)?.IsComplete !== true && looks.length < 20) looks.push(await rollout.finish(create, proof));

    expect(looks.at(-1)).toMatchObject({ IsComplete: true, Data: { Proof: expect.stringMatching(/^proved: /) } });
  });

  async function serviceName(): Promise<string> {
    const { serviceArns: [arn = ''] = [] } = await ecs.send(new ListServicesCommand({ cluster: 'cluster' }));
    return arn;
  }
});
