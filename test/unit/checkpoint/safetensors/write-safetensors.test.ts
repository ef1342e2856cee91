import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSafetensorsHeader } from '../../../../lib/checkpoint/safetensors/safetensors.ts';
import { writeSafetensors } from '../../../../lib/checkpoint/safetensors/write-safetensors.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'write-safetensors-'));
  path = join(directory, 'model.safetensors');
});
afterEach(() => rm(directory, { recursive: true }));

describe('the safetensors writer', () => {
  it('writes tensors that the reader finds', async () => {
    const tensors = [
      { name: 'b', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: 'a', shape: [1], data: Float32Array.of(-0.5) },
    ];
    await writeSafetensors(path, tensors, { format: 'pt', note: 'é' });

    const header = await readSafetensorsHeader(path);
    const bytes = await readFile(path);
    expect(header.metadata).toEqual({ format: 'pt', note: 'é' });
    for (const { name, shape, data } of tensors) {
      const tensor = header.tensors.get(name);
      expect(tensor?.shape).toEqual(shape);
      expect(tensor?.dtype).toBe('F32');
      expect([...data.keys()].map((i) => bytes.readFloatLE((tensor?.offset ?? 0) + 4 * i))).toEqual([...data]);
    }
  });

  it('starts the data at a multiple of 8 bytes', async () => {
    for (const name of ['a', 'ab', 'abc', 'abcd']) {
      await writeSafetensors(path, [{ name, shape: [1], data: Float32Array.of(1) }], {});

      expect(((await readSafetensorsHeader(path)).tensors.get(name)?.offset ?? 1) % 8).toBe(0);
    }
  });

  it('writes only the view of a larger array', async () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    await writeSafetensors(path, [{ name: 'a', shape: [2], data }]);

    expect((await readFile(path)).subarray(-8).readFloatLE()).toBe(1);
  });

  it('replaces the file by renaming, so open files keep the old bytes', async () => {
    await writeFile(path, 'old');
    const inode = (await stat(path)).ino;
    await writeSafetensors(path, [{ name: 'a', shape: [1], data: Float32Array.of(1) }]);

    expect((await stat(path)).ino).not.toBe(inode);
    expect(await readdir(directory)).toEqual(['model.safetensors']);
  });

  it.each([
    ['a shape that does not match the data', [{ name: 'a', shape: [2], data: Float32Array.of(1) }], 'tensor_shape'],
    [
      'two tensors of one name',
      [
        { name: 'a', shape: [1], data: Float32Array.of(1) },
        { name: 'a', shape: [1], data: Float32Array.of(1) },
      ],
      'weights_invalid',
    ],
  ])('refuses %s and keeps the old file', async (_, tensors, code) => {
    await writeFile(path, 'old');

    await expect(writeSafetensors(path, tensors)).rejects.toMatchObject({ code });
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['model.safetensors']);
  });

  it('leaves nothing behind if it cannot write', async () => {
    const missing = join(directory, 'none', 'model.safetensors');

    await expect(writeSafetensors(missing, [{ name: 'a', shape: [1], data: Float32Array.of(1) }])).rejects.toThrow();
    expect(await readdir(directory)).toEqual([]);
  });
});
