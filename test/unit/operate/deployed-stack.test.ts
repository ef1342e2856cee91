import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stackOutputs } from '../../../lib/contracts/stack-outputs.ts';
import { readDeployedStack } from '../../../lib/operate/deployed-stack.ts';
import { type Answer, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let aws: ScriptedAws;
let client: CloudFormationClient;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new CloudFormationClient(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const xml = (body: string, status = 200): Answer => ({ status, headers: { 'content-type': 'text/xml' }, body });

const missing = xml(
  '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id Mine does not exist</Message></Error></ErrorResponse>',
  400,
);

function described(...stacks: { name?: string; status?: string; reason?: string; without?: string[] }[]): Answer {
  const members = stacks.map(({ name = 'Mine', status = 'CREATE_COMPLETE', reason, without = [] }) => {
    const outputs = Object.values(stackOutputs)
      .filter((output) => !without.includes(output))
      .map((output) => `<member><OutputKey>${output}</OutputKey><OutputValue>the ${output}</OutputValue></member>`);
    return `<member><StackName>${name}</StackName><StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/${name}/1</StackId>
      <StackStatus>${status}</StackStatus>${reason === undefined ? '' : `<StackStatusReason>${reason}</StackStatusReason>`}
      <Outputs>${outputs.join('')}</Outputs></member>`;
  });
  return xml(
    `<DescribeStacksResponse><DescribeStacksResult><Stacks>${members.join('')}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  );
}

describe('a deployed stack', () => {
  it('has its outputs, region and account', async () => {
    aws.answer(described({}));

    const stack = await readDeployedStack(client, 'Mine');

    expect(stack).toMatchObject({ name: 'Mine', region: 'us-east-1', account: '123456789012' });
    expect(stack.outputs).toEqual(
      Object.fromEntries(Object.entries(stackOutputs).map(([name, output]) => [name, `the ${output}`])),
    );
  });

  it('computes in tasks, in a function, or, while its compute changes, in both', async () => {
    const tasks = ['Cluster', 'Service', 'OnDemandService'];
    for (const without of [tasks, ['InferFunction'], ['OnDemandService', 'InferFunction'], ['Cluster'], []]) {
      aws.answer(described({ without }));
      expect((await readDeployedStack(client, 'Mine')).name).toBe('Mine');
    }
  });

  it.each([
    ['UPDATE_COMPLETE', 'stack_foreign', ': deploy this version with npx cdk deploy'],
    ['UPDATE_IN_PROGRESS', 'stack_unfinished', '; wait until it is done'],
    ['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'stack_unfinished', '; wait until it is done'],
  ])('that computes in neither is refused when %s', async (status, code, advice) => {
    for (const half of ['Cluster', 'Service']) {
      aws.answer(described({ status, without: [half, 'InferFunction'] }));
      await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({
        code,
        message: expect.stringContaining(`lacks the outputs Cluster and Service (or InferFunction)${advice}`),
      });
    }
  });

  it('may lack an on-demand service', async () => {
    aws.answer(described({ without: ['OnDemandService'] }));

    const { outputs } = await readDeployedStack(client, 'Mine');

    expect(outputs.onDemandService).toBeUndefined();
  });

  it.each(['UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE', 'UPDATE_FAILED'])('is usable when %s', async (status) => {
    aws.answer(described({ status }));

    expect((await readDeployedStack(client, 'Mine')).status).toBe(status);
  });

  it.each(['CREATE_IN_PROGRESS', 'ROLLBACK_COMPLETE', 'DELETE_FAILED'])('is unusable when %s', async (status) => {
    aws.answer(described({ status, reason: 'no luck' }));

    await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({
      code: 'stack_unfinished',
      message: expect.stringContaining(`stack Mine in us-east-1 is ${status} (no luck)`),
    });
  });

  it('that is missing is reported with the stacks that exist', async () => {
    aws.answer(missing, described({ name: 'Other' }, { name: 'Foreign', without: Object.values(stackOutputs) }));

    await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({
      code: 'stack_missing',
      message:
        'there is no stack Mine in us-east-1; Image GPT stacks there: Other; give one with --stack, or another --region',
    });
  });

  it('that is missing is reported even if stacks may not be listed', async () => {
    aws.answer(
      missing,
      xml('<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>', 403),
    );

    await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({ code: 'stack_missing' });
  });

  it('that is not an Image GPT stack is refused', async () => {
    aws.answer(described({ without: Object.values(stackOutputs) }));

    await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({
      code: 'stack_foreign',
      message: 'stack Mine in us-east-1 is not an Image GPT stack: it has none of the expected outputs',
    });
  });

  it('of an earlier version is refused with the outputs that it lacks', async () => {
    aws.answer(described({ without: ['CostBrakeReleaseArn'] }));

    await expect(readDeployedStack(client, 'Mine')).rejects.toMatchObject({
      code: 'stack_foreign',
      message: expect.stringContaining('lacks the outputs CostBrakeReleaseArn'),
    });
  });
});
