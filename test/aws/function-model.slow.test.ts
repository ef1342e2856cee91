import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { type FunctionModel, functionModel } from '../../lib/contracts/infer-function.ts';
import { modelsFolder } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const missing = await motoMissing();
const nano = join(modelsFolder, 'igpt-nano');

describe.skipIf(missing !== undefined)(`the model of a function on S3${missing ? `: ${missing}` : ''}`, () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
    const client = createS3Client();
    await client.send(new CreateBucketCommand({ Bucket: 'models' }));
    const store = createS3Store({ client, bucket: 'models', clock });
    for (const name of ['config.json', 'preprocessor_config.json']) {
      for (const folder of ['f32', 'f16']) await store.put(`${folder}/${name}`, readFileSync(join(nano, name)));
    }
    const weights = readFileSync(join(nano, 'model.safetensors'));
    await store.put('f32/model.safetensors', weights);
    // Only its size is looked at.
    await store.put('f16/model.safetensors', weights.subarray(0, weights.length / 2));
    client.destroy();
  }, 120_000);
  afterAll(() => moto?.[Symbol.asyncDispose]());

  async function modelIn(location: string): Promise<FunctionModel> {
    const env = { ...process.env, MODEL_LOCATION: location };
    const { stdout } = await run(process.execPath, ['functions/infer/print-function-model.ts'], { cwd: root, env });
    return functionModel.parse(JSON.parse(stdout));
  }

  test('has the work and the size of the directory, up to the biases, and its weights are not fetched', async () => {
    const [here, there] = [await modelIn(nano), await modelIn('s3://models/f32')];

    expect(there.bytes).toBe(here.bytes);
    expect(there.converted).toBe(false);
    expect(there.gflop / here.gflop).toBeGreaterThanOrEqual(1);
    expect(there.gflop / here.gflop).toBeLessThan(1.05);
    expect(Math.abs(there.parameters / here.parameters - 1)).toBeLessThan(0.02);
  }, 60_000);

  test('in 16 bits is told by the size of its files', async () => {
    expect((await modelIn('s3://models/f16/')).converted).toBe(true);
  }, 60_000);

  test('without config.json is an error', async () => {
    await expect(modelIn('s3://models/nothing')).rejects.toThrow('it has no config.json');
  }, 60_000);
});
