import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { DescribeServicesCommand, ECSClient, ListClustersCommand, ListServicesCommand } from '@aws-sdk/client-ecs';
import { LambdaClient, ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

// A real `cdk deploy` into the emulator: assets are published, and a change set is created and executed. It does not show
// that the parts work together: moto ignores alarms, scaling, policies and subscriptions, Docker is a program that does
// nothing, and the test answers for the functions of custom resources.

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const missing = await motoMissing();
const nano = { model: 'lib/models/igpt-nano' };

/** The answers of the custom resources of each stack, by logical id. */
const customResources = {
  Smoke: answersOf(imageGptTemplate({ ...nano, stackName: 'Smoke' })),
  Quick: answersOf(imageGptTemplate({ ...nano, stackName: 'Quick', compute: 'lambda' })),
};

describe.skipIf(missing !== undefined)(`deployed into moto${missing === undefined ? '' : ` (${missing})`}`, () => {
  let moto: Moto;
  let directory: string;
  const cdk = (...args: string[]) =>
    run(process.execPath, ['node_modules/aws-cdk/bin/cdk', ...args, '--output', directory], {
      cwd: root,
      env: { ...process.env, ...moto.environment, CDK_DOCKER: 'true' },
    });
  const client = () => {
    const { AWS_ENDPOINT_URL: endpoint = '' } = moto.environment;
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    return { endpoint, region: motoRegion, credentials };
  };

  beforeAll(async () => {
    moto = await startMoto();
    directory = mkdtempSync(join(tmpdir(), 'cdk-deploy-'));
    const settings = { lambda: { use_docker: false } };
    await fetch(`${client().endpoint}/moto-api/config`, { method: 'POST', body: JSON.stringify(settings) });
    await cdk('bootstrap', `aws://${motoAccount}/${motoRegion}`);
    await deploy('Smoke', '-c', 'stackName=Smoke');
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await moto[Symbol.asyncDispose]();
  });

  async function deploy(stack: keyof typeof customResources, ...settings: string[]): Promise<void> {
    const deployed = cdk('deploy', ...settings, '--require-approval', 'never');
    const { stdout, stderr } = deployed.child;
    // moto has created all other resources when the first progress is printed.
    await Promise.race([deployed, said('CREATE_IN_PROGRESS', stdout, stderr)]);
    await answerCustomResources(client().endpoint, stack);
    await deployed;
  }

  test('there are seven queues, and a tokens message may have 1 MiB', async () => {
    const sqs = new SQSClient(client());
    const { QueueUrls: urls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'Smoke-' }));
    const tokens = urls.find((url) => url.includes('QueuesTokens') && !url.includes('DeadLetters'));
    const { Attributes: attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: tokens, AttributeNames: ['All'] }),
    );

    expect(urls).toHaveLength(7);
    expect(attributes).toMatchObject({ MaximumMessageSize: '1048576', MessageRetentionPeriod: '604800' });
  });

  test('there are two buckets, besides the one for assets', async () => {
    const { Buckets: buckets = [] } = await new S3Client({ ...client(), forcePathStyle: true }).send(
      new ListBucketsCommand({}),
    );

    expect(buckets.filter(({ Name: name = '' }) => name.startsWith('smoke-'))).toHaveLength(2);
  });

  test('there are two services, which run no task', async () => {
    const ecs = new ECSClient(client());
    const { clusterArns: [cluster] = [] } = await ecs.send(new ListClustersCommand({}));
    const { serviceArns: services = [] } = await ecs.send(new ListServicesCommand({ cluster }));
    const described = await ecs.send(new DescribeServicesCommand({ cluster, services }));

    expect(described.services?.map(({ desiredCount }) => desiredCount)).toEqual([0, 0]);
  });

  test('a stack of functions is deployed and destroyed in the same account', async () => {
    // moto calls no function, and answers nothing for CDK's trigger.
    const settings = ['-c', 'stackName=Quick', '-c', 'compute=lambda', '-c', 'proveDeployment=false'];
    await deploy('Quick', ...settings);
    const lambda = new LambdaClient(client());
    const { EventSourceMappings: mappings = [] } = await lambda.send(new ListEventSourceMappingsCommand());

    expect(
      mappings.filter(({ FunctionArn: arn = '' }) => arn.includes(':Quick-')).map(({ BatchSize: size }) => size),
    ).toEqual([10, 10, 10]);
    await cdk('destroy', ...settings, '--force');
    const { Functions: functions = [] } = await lambda.send(new ListFunctionsCommand());
    expect(functions.filter(({ FunctionName: name = '' }) => name.startsWith('Quick-'))).toEqual([]);
  });

  // Last, because it deletes the stack.
  test('destroyed, the stack leaves only its two buckets', async () => {
    await deleteRouteTables(client().endpoint);
    await cdk('destroy', '-c', 'stackName=Smoke', '--force');
    const { Buckets: buckets = [] } = await new S3Client({ ...client(), forcePathStyle: true }).send(
      new ListBucketsCommand({}),
    );
    const { QueueUrls: queues = [] } = await new SQSClient(client()).send(
      new ListQueuesCommand({ QueueNamePrefix: 'Smoke-' }),
    );
    const vpcs = await call(client().endpoint, 'ec2', { Action: 'DescribeVpcs', Version: '2016-11-15' });

    expect(buckets.filter(({ Name: name = '' }) => name.startsWith('smoke-'))).toHaveLength(2);
    expect(queues).toEqual([]);
    // The default VPC, which every account has.
    expect(Array.from(vpcs.matchAll(/<isDefault>(\w+)</g), ([, isDefault]) => isDefault)).toEqual(['true']);
  });
});

/** Resolves when `text` is written to one of the streams. */
async function said(text: string, ...streams: (Readable | null)[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const stream of streams) stream?.on('data', (part) => String(part).includes(text) && resolve());
  await promise;
}

/** Calls a service without an SDK client of the project. */
async function call(endpoint: string, service: string, parameters: Record<string, string>): Promise<string> {
  const scope = `${new Date().toISOString().slice(0, 10).replaceAll('-', '')}/${motoRegion}/${service}/aws4_request`;
  const headers = { authorization: `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host, Signature=none` };
  return (await fetch(endpoint, { method: 'POST', headers, body: new URLSearchParams(parameters) })).text();
}

/** Deletes the route tables: moto's CloudFormation (5.2) does not, and then refuses to delete their VPC. */
async function deleteRouteTables(endpoint: string): Promise<void> {
  const Version = '2016-11-15';
  const tables = await call(endpoint, 'ec2', { Action: 'DescribeRouteTables', Version });
  for (const [, AssociationId = ''] of tables.matchAll(/<routeTableAssociationId>([^<]+)</g)) {
    await call(endpoint, 'ec2', { Action: 'DisassociateRouteTable', AssociationId, Version });
  }
  // The main table of each VPC cannot be deleted.
  for (const RouteTableId of new Set(Array.from(tables.matchAll(/<routeTableId>([^<]+)</g), ([, id = '']) => id))) {
    await call(endpoint, 'ec2', { Action: 'DeleteRouteTable', RouteTableId, Version });
  }
}

/** Reports every custom resource as created: moto waits for each of them. */
async function answerCustomResources(endpoint: string, stack: keyof typeof customResources): Promise<void> {
  const about = { Action: 'DescribeStacks', StackName: stack, Version: '2010-05-15' };
  const text = await call(endpoint, 'cloudformation', about);
  const [, StackId = ''] = /<StackId>([^<]+)</.exec(text) ?? [];
  for (const [LogicalResourceId, Data] of Object.entries(customResources[stack])) {
    const answer = { Status: 'SUCCESS', StackId, LogicalResourceId, Data };
    const url = `${endpoint}/cloudformation_${motoRegion}/cfnresponse?stack=${StackId}`;
    const { status } = await fetch(url, { method: 'PUT', body: JSON.stringify(answer) });
    expect(status, LogicalResourceId).toBe(200);
  }
}

/** What the functions of a template's custom resources answer. */
function answersOf(template: Template): Record<string, Record<string, unknown>> {
  const rollouts: Record<string, Properties> = template.findResources('Custom::WorkerRollout');
  const [rollout] = Object.entries(rollouts);
  return {
    [resource(template, 'Custom::CDKBucketDeployment').id]: {},
    [resource(template, 'Custom::S3BucketNotifications').id]: {},
    ...(rollout && {
      [rollout[0]]: {
        Proof: 'proved',
        ...Object.fromEntries(rollout[1].Properties.Services.map((service: string) => [service, 0])),
      },
    }),
  };
}
