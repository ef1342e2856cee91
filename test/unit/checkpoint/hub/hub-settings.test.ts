import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHubSettings } from '../../../../lib/checkpoint/hub/hub-settings.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'hf-home-'));
});
afterAll(() => rm(home, { recursive: true }));

describe('hub settings', () => {
  it('default to the public hub and the cache of its own tools', async () => {
    expect(await readHubSettings({ XDG_CACHE_HOME: home, HF_ENDPOINT: '', HF_TOKEN: '' })).toEqual({
      hubUrl: 'https://huggingface.co',
      cache: join(home, 'huggingface/hub'),
      offline: false,
    });
    expect(
      await readHubSettings({
        HF_ENDPOINT: 'http://mirror/',
        HF_TOKEN: 'hf_a\n',
        HF_HOME: home,
        HF_HUB_CACHE: '/elsewhere',
        HF_HUB_OFFLINE: '1',
      }),
    ).toEqual({ hubUrl: 'http://mirror', accessToken: 'hf_a', cache: '/elsewhere', offline: true });
  });

  it('prefer HF_TOKEN to the token of a login', async () => {
    const folder = join(home, 'logged-in');
    await mkdir(folder);
    await writeFile(join(folder, 'token'), 'hf_kept\n');

    expect((await readHubSettings({ HF_HOME: folder })).accessToken).toBe('hf_kept');
    expect((await readHubSettings({ HF_HOME: folder, HF_TOKEN: 'hf_given' })).accessToken).toBe('hf_given');
  });

  it.each(['secret', 'hf_secret secret', 'hf_sécret', 'hf_a\nsecret'])(
    'refuse the malformed token %j without printing it',
    async (token) => {
      const error = await readHubSettings({ HF_HOME: home, HF_TOKEN: token }).catch((e: unknown) => String(e));

      expect(error).toContain('begins with hf_');
      expect(error).not.toMatch(/s[eé]cret/);
    },
  );
});
