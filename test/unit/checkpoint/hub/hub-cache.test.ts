import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInHubCache } from '../../../../lib/checkpoint/hub/hub-cache.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hf-cache-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A cache in the layout of huggingface_hub: links in snapshots, contents in blobs. */
async function cacheWith(files: Readonly<Record<string, string>>, revision = 'main'): Promise<string> {
  const cache = join(root, crypto.randomUUID());
  const model = join(cache, 'models--org--model');
  await mkdir(join(model, 'refs', revision, '..'), { recursive: true });
  await mkdir(join(model, 'blobs'));
  await mkdir(join(model, 'snapshots', commit), { recursive: true });
  await writeFile(join(model, 'refs', revision), commit);
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(model, 'blobs', name), text);
    await symlink(`../../blobs/${name}`, join(model, 'snapshots', commit, name));
  }
  return cache;
}

const whole = { 'config.json': '{}', 'preprocessor_config.json': '{}', 'model.safetensors': 'x' };
const model = { repo: 'org/model', revision: 'main' };

describe('the Hugging Face cache', () => {
  it('gives a complete model by branch, pull request or commit', async () => {
    const cache = await cacheWith(whole);
    const snapshot = join(cache, 'models--org--model/snapshots', commit);

    const found = { directory: snapshot, hasPalette: true };
    expect(await findInHubCache(model, cache)).toEqual(found);
    expect(await findInHubCache({ ...model, revision: commit }, cache)).toEqual(found);
    const other = await cacheWith(whole, 'refs/pr/2');
    const pull = await findInHubCache({ ...model, revision: 'refs/pr/2' }, other);
    expect(pull?.directory).toContain(other);
  });

  it('says whether it has a palette', async () => {
    const { 'preprocessor_config.json': _, ...alone } = whole;
    const found = async (files: Readonly<Record<string, string>>) => findInHubCache(model, await cacheWith(files));

    expect(await found(alone)).toMatchObject({ hasPalette: false });
    expect(await found({ ...alone, 'kmeans_centers.npy': 'x' })).toMatchObject({ hasPalette: true });
  });

  it('gives no model with a missing file', async () => {
    const index = JSON.stringify({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } });
    const { 'model.safetensors': _, ...side } = whole;
    const half = { ...side, 'model.safetensors.index.json': index, 'model-1.safetensors': 'x' };

    expect(await findInHubCache(model, await cacheWith(side))).toBeUndefined();
    expect(await findInHubCache(model, await cacheWith(half))).toBeUndefined();
    expect(await findInHubCache(model, await cacheWith({ ...half, 'model-2.safetensors': 'y' }))).toBeDefined();
  });

  it('gives nothing for another model, another revision, or a missing cache', async () => {
    const cache = await cacheWith(whole);

    expect(await findInHubCache({ ...model, repo: 'org/other' }, cache)).toBeUndefined();
    expect(await findInHubCache({ ...model, revision: 'v2' }, cache)).toBeUndefined();
    expect(await findInHubCache(model, join(root, 'nowhere'))).toBeUndefined();
  });
});
