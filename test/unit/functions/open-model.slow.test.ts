import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DeployedModel, openDeployedModel } from '../../../functions/open-model.ts';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { modelsFolder } from '../../../lib/local/repository.ts';
import { identifyModel } from '../../../lib/runtime/identify-model.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';

const nano = join(modelsFolder, 'igpt-nano');
const names = ['config.json', 'model.safetensors', 'preprocessor_config.json'];

describe('a deployed model on S3', () => {
  let server: ModelServer;
  let cache: string;
  let deployed: DeployedModel;

  beforeEach(async () => {
    cache = mkdtempSync(join(tmpdir(), 'open-model-'));
    server = await startModelServer('igpt-nano', new Map(names.map((name) => [name, readFileSync(join(nano, name))])));
    vi.stubEnv('AWS_ENDPOINT_URL_S3', server.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    const { id } = await identifyModel(await openCheckpoint(nano), { precision: 'f32', scaledDecoding: false });
    deployed = { location: server.location, cache, id, options: { threads: 1 }, advice: 'deploy again' };
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await server[Symbol.asyncDispose]();
    rmSync(cache, { recursive: true, force: true });
  });

  const fetches = (): number => server.requests.filter((text) => text === 'config.json').length;

  /** Path of a file of the copy. */
  function inCopy(name: string): string {
    const [place = ''] = readdirSync(cache);
    return join(cache, place, 'igpt-nano', name);
  }

  it('is fetched once, and its copy is used', async () => {
    for (let i = 0; i < 2; i++) await (await openDeployedModel(deployed)).close();

    expect(fetches()).toBe(1);
  });

  it.each([
    ['a bit of the weights is wrong', 'model.safetensors', flipBit],
    ['the weights are cut short', 'model.safetensors', (bytes: Buffer) => bytes.subarray(0, 1000)],
    ['config.json is empty', 'config.json', () => Buffer.alloc(0)],
  ])('is fetched once more if in its copy %s', async (_, name, damage) => {
    await (await openDeployedModel(deployed)).close();
    writeFileSync(inCopy(name), damage(readFileSync(inCopy(name))));
    await using model = await openDeployedModel(deployed);

    expect(model.id).toBe(deployed.id);
    expect(fetches()).toBe(2);
    expect(readFileSync(inCopy(name)).equals(readFileSync(join(nano, name)))).toBe(true);
  });

  it('is refused with both ids if it is another model, after two fetches', async () => {
    server.files.set('model.safetensors', flipBit(readFileSync(join(nano, 'model.safetensors'))));
    const refused = openDeployedModel(deployed);

    await expect(refused).rejects.toMatchObject({ code: 'model_mismatch' });
    await expect(refused).rejects.toThrow(
      /Expected the model igpt-nano-\w{12} at .*, found igpt-nano-\w{12}: deploy again/,
    );
    expect(fetches()).toBe(2);
  });

  it('is not fetched again for an error that its bytes do not cause', async () => {
    await expect(openDeployedModel({ ...deployed, options: { featureLayer: 99 } })).rejects.toMatchObject({
      code: 'layer_out_of_range',
    });
    expect(fetches()).toBe(1);
  });

  it('in a directory is opened as it is: a mismatch changes nothing there', async () => {
    const directory = { ...deployed, location: nano, id: 'igpt-nano-000000000000' };
    await expect(openDeployedModel(directory)).rejects.toMatchObject({ code: 'model_mismatch' });

    expect(server.requests).toEqual([]);
    expect(readdirSync(nano)).toEqual(expect.arrayContaining(names));
  });
});

/** Changes one bit of the last weight. */
function flipBit(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(changed.length - 4) ^ 1, changed.length - 4);
  return changed;
}
