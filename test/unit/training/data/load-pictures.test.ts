import { describe, expect, it } from 'vitest';
import { PictureError } from '../../../../lib/ports/error.ts';
import type { PictureDecoder } from '../../../../lib/ports/picture-decoder.ts';
import { labelledKeys, listPictures, loadPictures } from '../../../../lib/training/data/load-pictures.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../../support/memory-object-store.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

describe('labels by folder', () => {
  it('are the first folders, sorted', () => {
    expect(labelledKeys(['dog/1.jpg', 'cat/2.jpg', 'dog/old/3.jpg'])).toEqual({
      labels: Int32Array.of(1, 0, 1),
      classes: ['cat', 'dog'],
    });
  });

  it('are the second folders below train, validation and test, which give the parts', () => {
    expect(labelledKeys(['train/dog/1.jpg', 'test/cat/2.jpg', 'val/cat/3.jpg'])).toEqual({
      labels: Int32Array.of(1, 0, 0),
      classes: ['cat', 'dog'],
      parts: Uint8Array.of(0, 2, 1),
    });
  });

  it('treat train as a class beside other classes', () => {
    expect(labelledKeys(['train/1.jpg', 'bus/2.jpg'])).toMatchObject({ classes: ['bus', 'train'] });
  });

  it('are absent when one picture is in no class folder', () => {
    expect(labelledKeys(['cat/1.jpg', '2.jpg'])).toEqual({ classes: [] });
    expect(labelledKeys(['train/1.jpg', 'test/2.jpg'])).toEqual({ classes: [], parts: Uint8Array.of(0, 2) });
  });

  it('include empty class folders', () => {
    expect(labelledKeys(['cat/1.jpg'], ['ant', 'cat', 'cat/small'])).toMatchObject({ classes: ['ant', 'cat'] });
    expect(labelledKeys(['train/cat/1.jpg'], ['train', 'train/cat', 'train/dog'])).toMatchObject({
      classes: ['cat', 'dog'],
    });
  });
});

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

  async function load(files: Readonly<Record<string, string>>, prefix = '', folders: string[] = []) {
    const store = await storeOf(files);
    return loadPictures(await listPictures(store, prefix, 'pictures'), {
      store,
      decoder,
      quantize: (rgb) => Uint16Array.of(rgb[0] ?? 0, rgb[3] ?? 0),
      tokensPerPicture: 2,
      maxBytes: 3,
      concurrency: 3,
      folders,
    });
  }

  describe('loaded pictures', () => {
    it('come in the order of their keys, in whatever order they were decoded', async () => {
      const dataSet = await load({ 'b/1': 'B', 'a/2': 'A', 'a/1': 'C', 'c/9': 'D' });

      expect(dataSet).toMatchObject({
        size: 4,
        classes: ['a', 'b', 'c'],
        labels: Int32Array.of(0, 0, 1, 2),
        skipped: {},
      });
      expect([...dataSet.tokens]).toEqual([67, 67, 65, 65, 66, 66, 68, 68]);
    });

    it('leave out damaged and oversized pictures, counted by failure code', async () => {
      const dataSet = await load({ 'a/1': '!', 'a/2': 'A', 'b/1': '!', 'b/2': 'BBBB', 'b/3': 'B' });

      expect(dataSet).toMatchObject({ size: 2, labels: Int32Array.of(0, 1) });
      expect([...dataSet.tokens]).toEqual([65, 65, 66, 66]);
      expect(dataSet.skipped).toEqual({ corrupt_image: 2, image_too_large: 1 });
    });

    it('are those below the prefix, labelled by the folders after it', async () => {
      const dataSet = await load({ 'other/x/1': 'X', 'mine/a/1': 'A', 'mine/b/': '', 'mine/a/2': 'B' }, 'mine/');

      expect(dataSet).toMatchObject({ size: 2, classes: ['a', 'b'] });
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
