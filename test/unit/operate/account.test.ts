import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpuSpotQuota, readQuota } from '../../../lib/operate/account.ts';
import { json, jsonError, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let aws: ScriptedAws;
let client: ServiceQuotasClient;

beforeEach(async () => {
  aws = await startScriptedAws();
  client = new ServiceQuotasClient(aws.config);
});

afterEach(async () => {
  client.destroy();
  await aws[Symbol.asyncDispose]();
});

const asked = () => aws.requests.map(({ headers }) => String(headers['x-amz-target']).replace(/^.*\./, ''));

describe('readQuota', () => {
  it('returns the value of the account', async () => {
    aws.answer(json({ Quota: { Value: 64 } }));

    expect(await readQuota(client, gpuSpotQuota)).toBe(64);
    expect(JSON.parse(aws.requests[0]?.body ?? '')).toEqual({ ServiceCode: 'ec2', QuotaCode: 'L-3819A6DF' });
  });

  it('returns AWS’s default if the account has no value of its own', async () => {
    aws.answer(jsonError(400, 'NoSuchResourceException'), json({ Quota: { Value: 0 } }));

    expect(await readQuota(client, gpuSpotQuota)).toBe(0);
    expect(asked()).toEqual(['GetServiceQuota', 'GetAWSDefaultServiceQuota']);
  });

  it('names the quota that it may not read by its title', async () => {
    aws.answer(jsonError(400, 'AccessDeniedException'));

    await expect(readQuota(client, gpuSpotQuota)).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringContaining('All G and VT Spot Instance Requests'),
    });
  });
});
