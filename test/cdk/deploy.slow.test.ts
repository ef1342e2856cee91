import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeServicesCommand, ECSClient, ListClustersCommand, ListServicesCommand } from '@aws-sdk/client-ecs';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Moto, motoAccount, motoMissing, motoRegion, startMoto } from '../support/moto.ts';

// A real `cdk deploy` into the emulator: assets are published, a change set is made and executed. It proves nothing of
// how the parts work together: moto leaves out alarms, scaling, bucket and queue policies and subscriptions, and runs no
// custom resource, so the model is one that lies in S3 already; Docker is a program that does nothing.

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const missing = await motoMissing();

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
    const model = ['-c', 'model=s3://models/igpt-nano', '-c', 'modelId=igpt-nano-0123456789ab'];
    await cdk('deploy', '-c', 'stackName=Smoke', ...model, '--require-approval', 'never');
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await moto[Symbol.asyncDispose]();
  });

  test('there are seven queues, and a message of the tokens queue may be a mebibyte', async () => {
    const sqs = new SQSClient(client());
    const { QueueUrls: urls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'Smoke-' }));
    const tokens = urls.find((url) => url.includes('QueuesTokens') && !url.includes('DeadLetters'));
    const { Attributes: attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: tokens, AttributeNames: ['All'] }),
    );

    expect(urls).toHaveLength(7);
    expect(attributes).toMatchObject({ MaximumMessageSize: '1048576', MessageRetentionPeriod: '604800' });
  });

  test('there are two buckets beside the assets’', async () => {
    const { Buckets: buckets = [] } = await new S3Client({ ...client(), forcePathStyle: true }).send(
      new ListBucketsCommand({}),
    );

    expect(buckets.filter(({ Name: name = '' }) => name.startsWith('smoke-'))).toHaveLength(2);
  });

  test('there are two services, which run nothing', async () => {
    const ecs = new ECSClient(client());
    const { clusterArns: [cluster] = [] } = await ecs.send(new ListClustersCommand({}));
    const { serviceArns: services = [] } = await ecs.send(new ListServicesCommand({ cluster }));
    const described = await ecs.send(new DescribeServicesCommand({ cluster, services }));

    expect(described.services?.map(({ desiredCount }) => desiredCount)).toEqual([0, 0]);
  });
});
