import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeNpy } from '../../../../lib/image-gpt/npy.ts';
import type { DataSet } from '../../../../lib/training/data/data-set.ts';
import { cachedTokenSet, tokenSetKey } from '../../../../lib/training/data/token-cache.ts';
import { leftoverOf } from './leftover.ts';

const dataSet: DataSet = {
  name: 'pictures',
  size: 2,
  tokensPerPicture: 3,
  tokens: Uint16Array.of(1, 2, 3, 4, 5, 600),
  labels: Int32Array.of(1, 0),
  classes: ['cat', 'dög'],
  parts: Uint8Array.of(0, 2),
  skipped: { corrupt_image: 1 },
  keys: ['cat/1.png', 'dög/2.png'],
};

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'token-cache-'));
});
afterEach(() => rm(cache, { recursive: true }));

const never = (): Promise<DataSet> => Promise.reject(new Error('made again'));
const key = tokenSetKey(['a', 'b']);

describe('a cached token set', () => {
  it('is read as it was made, without being made again', async () => {
    expect(await cachedTokenSet(cache, key, async () => dataSet)).toEqual(dataSet);
    expect(await cachedTokenSet(cache, key, never)).toEqual(dataSet);
  });

  it('may have no labels, no parts and no keys', async () => {
    const { labels: _, parts: __, keys: ___, ...bare } = dataSet;
    await cachedTokenSet(cache, key, async () => ({ ...bare, classes: [] }));

    expect(await cachedTokenSet(cache, key, never)).toEqual({ ...bare, classes: [] });
  });

  it('is an npy file that NumPy can read', async () => {
    await cachedTokenSet(cache, key, async () => dataSet);
    const { shape, dtype, data } = decodeNpy(await readFile(join(cache, 'token-sets', key, 'tokens.npy')));

    expect({ shape, dtype, data: [...data] }).toEqual({ shape: [2, 3], dtype: 'u2', data: [1, 2, 3, 4, 5, 600] });
  });

  it('is made again when it is damaged', async () => {
    await cachedTokenSet(cache, key, async () => dataSet);
    await truncate(join(cache, 'token-sets', key, 'tokens.npy'), 135);

    await expect(cachedTokenSet(cache, key, never)).rejects.toThrow('made again');
    expect(await cachedTokenSet(cache, key, async () => dataSet)).toEqual(dataSet);
    expect(await cachedTokenSet(cache, key, never)).toEqual(dataSet);
  });

  it('leaves nothing behind when making it fails', async () => {
    await expect(cachedTokenSet(cache, key, never)).rejects.toThrow('made again');

    expect(await readdir(join(cache, 'token-sets'))).toEqual([]);
  });

  it('removes the leftovers of a killed process', async () => {
    const folder = join(cache, 'token-sets');
    await mkdir(leftoverOf(join(folder, key)), { recursive: true });
    await cachedTokenSet(cache, key, async () => dataSet);

    expect(await readdir(folder)).toEqual([key]);
  });

  it('has a key that depends on where one part ends and the next begins', () => {
    expect(tokenSetKey(['ab', ''])).not.toBe(key);
    expect(tokenSetKey(['a', 'b'])).toBe(key);
  });

  it('says what to do when the cache is not writable', async () => {
    const file = join(cache, 'file');
    await writeFile(file, '');

    await expect(cachedTokenSet(join(file, 'cache'), key, async () => dataSet)).rejects.toThrow(
      /could not write the token set to .* another folder with --cache/,
    );
  });
});
