import { describe, expect, it } from 'vitest';
import { PictureError } from '../../../../lib/ports/error.ts';
import type { PictureDecoder } from '../../../../lib/ports/picture-decoder.ts';
import { listPictures, loadPictures } from '../../../../lib/training/data/load-pictures.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../../support/memory-object-store.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

describe('load pictures', () => {
  /** A picture is one byte, twice; `!` is damaged. Odd pictures take longer, so that they arrive in another order. */
  const decoder: PictureDecoder = {
    async decode([byte = 0]) {
      if (byte === 33) throw new PictureError('corrupt_image', 'damaged');
      if (byte % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
      return { format: 'png', width: 2, height: 1, rgb: new Uint8Array(6).fill(byte) };
    },
  };

  async function storeOf(files: Readonly<Record<string, string>>): Promise<MemoryObjectStore> {
    const store = createMemoryObjectStore(createVirtualClock());
    for (const [key, body] of Object.entries(files)) await store.put(key, new TextEncoder().encode(body));
    return store;
  }

  async function load(files: Readonly<Record<string, string>>, prefix = '') {
    const store = await storeOf(files);
    return loadPictures(await listPictures(store, prefix, 'pictures'), {
      store,
      decoder,
      quantize: (rgb) => Uint16Array.of(rgb[0] ?? 0, rgb[3] ?? 0),
      tokensPerPicture: 2,
      maxBytes: 3,
      concurrency: 3,
    });
  }

  describe('loaded pictures', () => {
    it('come in the order of their keys, in whatever order they were decoded', async () => {
      const dataSet = await load({ 'b/1': 'B', 'a/2': 'A', 'a/1': 'C', 'c/9': 'D' });

      expect(dataSet).toMatchObject({
        size: 4,
        keys: ['a/1', 'a/2', 'b/1', 'c/9'],
        skipped: {},
      });
      expect([...dataSet.tokens]).toEqual([67, 67, 65, 65, 66, 66, 68, 68]);
    });

    it('leave out damaged and oversized pictures, counted by failure code', async () => {
      const dataSet = await load({ 'a/1': '!', 'a/2': 'A', 'b/1': '!', 'b/2': 'BBBB', 'b/3': 'B' });

      expect(dataSet).toMatchObject({ size: 2, keys: ['a/2', 'b/3'] });
      expect([...dataSet.tokens]).toEqual([65, 65, 66, 66]);
      expect(dataSet.skipped).toEqual({ corrupt_image: 2, image_too_large: 1 });
    });

    it('are those below the prefix, named by the rest of their keys', async () => {
      const dataSet = await load({ 'other/x/1': 'X', 'mine/a/1': 'A', 'mine/b/': '', 'mine/a/2': 'B' }, 'mine/');

      expect(dataSet).toMatchObject({ size: 2, keys: ['a/1', 'a/2'] });
    });

    it('are listed with the folders that are marked and hold nothing, not even a dotfile', async () => {
      const store = await storeOf({
        'a/': '',
        'a/1': 'A',
        'b/': '',
        'c/': '',
        'c/.keep': '',
        'd/e/': '',
        '__MACOSX/': '',
      });

      expect((await listPictures(store, '', 'pictures')).emptyFolders).toEqual(['b', 'd/e']);
    });

    it.each([
      ['__MACOSX/a/._1'],
      ['__MACOSX/a/1'],
      ['a/._1'],
      ['a/.DS_Store'],
      ['a/.ipynb_checkpoints/1'],
      ['.git/a'],
      ['a/Thumbs.db'],
      ['a/@eaDir/1/SYNOPHOTO_THUMB_XL.jpg'],
      ['$RECYCLE.BIN/1'],
    ])('do not include %s', async (key) => {
      expect(await load({ [key]: 'X', 'a/1x': 'A' })).toMatchObject({ keys: ['a/1x'], skipped: {} });
      await expect(load({ [key]: 'X' })).rejects.toThrow('found no files');
    });

    it('are refused when there are no pictures, or none can be read', async () => {
      await expect(load({})).rejects.toThrow('expected pictures in pictures, found no files');
      await expect(load({ 'a/1': '!' })).rejects.toThrow(
        /none of the 1 files of pictures could be read .*corrupt_image 1/,
      );
    });

    it('pass on what the store throws', async () => {
      const store = await storeOf({ 'a/1': 'A' });
      const failing = { ...store, get: () => Promise.reject(new Error('no network')) };
      const options = { store: failing, decoder, quantize: () => new Uint16Array(2), tokensPerPicture: 2, maxBytes: 9 };

      await expect(
        loadPictures(await listPictures(store, '', 'pictures'), { ...options, concurrency: 1 }),
      ).rejects.toThrow('no network');
    });
  });

  describe('the identity of a listing', () => {
    const identity = async (files: Readonly<Record<string, string>>) =>
      (await listPictures(await storeOf(files), '', 'pictures')).identity;

    it('changes with every picture only', async () => {
      const first = await identity({ 'a/1': 'A', 'a/2': 'B' });

      expect(await identity({ 'a/2': 'B', 'a/1': 'A' })).toBe(first);
      expect(await identity({ 'a/1': 'A', 'a/2': 'C' })).not.toBe(first);
      expect(await identity({ 'a/1': 'A' })).not.toBe(first);
      expect(await identity({ 'a/1': 'A', 'b/2': 'B' })).not.toBe(first);
    });
  });
});
