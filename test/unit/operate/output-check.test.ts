import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examineOutput } from '../../../lib/operate/output-check.ts';
import { type Answer, type ScriptedAws, s3Error, startScriptedAws } from '../../support/scripted-aws.ts';

const bucket = 'outcomes';
const kmsKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd';
const done: Answer = { status: 200 };
const encrypted: Answer = {
  status: 200,
  headers: { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': kmsKey },
};

let aws: ScriptedAws;
let client: S3Client;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new S3Client(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

async function examined(known: string | undefined, ...answers: Answer[]) {
  aws.answer(...answers);
  return examineOutput(client, { bucket, kmsKey: known });
}

describe('the check of the output bucket', () => {
  it('writes, reads and deletes one object, whose key no stack takes for a picture', async () => {
    expect(await examined(undefined, done, done, done)).toMatchObject({ level: 'ok', advice: null });
    expect(aws.requests.map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`)).toEqual(
      ['PUT', 'GET', 'DELETE'].map((method) => `${method} /outcomes/results/igpt-doctor-000000000000/probe.json`),
    );
  });

  it('is ok with the key that the stack knows', async () => {
    expect(await examined(kmsKey, encrypted, encrypted, done)).toMatchObject({
      level: 'ok',
      found: `outcomes can be written and read, encrypted with ${kmsKey}`,
    });
  });

  it('fails with a key that the stack does not know, and gives the setting', async () => {
    expect(await examined(undefined, encrypted, encrypted, done)).toMatchObject({
      level: 'fail',
      advice: `deploy with -c outputBucket=outcomes -c outputKmsKey=${kmsKey}`,
    });
    expect(await examined(`${kmsKey}-old`, encrypted, encrypted, done)).toMatchObject({ level: 'fail' });
  });

  it('warns about a key that the bucket does not use', async () => {
    expect(await examined(kmsKey, done, done, done)).toMatchObject({ level: 'warn' });
  });

  it('fails if it may not write, or if the key is disabled, and says which', async () => {
    expect(await examined(kmsKey, s3Error(403, 'AccessDenied'))).toMatchObject({
      level: 'fail',
      found: expect.stringContaining('could not write to outcomes'),
      advice: expect.stringContaining(kmsKey),
    });
    expect(await examined(kmsKey, s3Error(400, 'KMS.DisabledException'))).toMatchObject({
      level: 'fail',
      found: expect.stringContaining('KMS.DisabledException'),
    });
  });

  it('deletes what it cannot read', async () => {
    expect(await examined(kmsKey, encrypted, s3Error(403, 'AccessDenied'), done)).toMatchObject({
      level: 'fail',
      found: expect.stringContaining('could not read from outcomes'),
    });
    expect(aws.requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE']);
  });

  it('fails if it may not delete', async () => {
    expect(await examined(undefined, done, done, s3Error(403, 'AccessDenied'))).toMatchObject({
      level: 'fail',
      found: expect.stringContaining('could not delete from outcomes'),
    });
  });
});
