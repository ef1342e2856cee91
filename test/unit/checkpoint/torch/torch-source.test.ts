import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTorch } from '../../../../lib/checkpoint/torch/torch-source.ts';
import { sourceBytes, sourceFloats } from '../source-values.ts';

const fixtures = join(import.meta.dirname, '../../../fixtures/torch');
/** 0 to n - 1, the values of every tensor in the fixtures. */
const counting = (n: number) => Array.from({ length: n }, (_, i) => i);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'torch-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function changed(name: string, change: (bytes: Buffer) => Buffer | undefined): Promise<string> {
  const path = join(directory, `${crypto.randomUUID()}.bin`);
  const bytes = await readFile(join(fixtures, name));
  await writeFile(path, change(bytes) ?? bytes);
  return path;
}

/** Replaces the first `from` by `to`, which has the same length. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(from, 0, 'latin1');
  if (at < 0 || from.length !== to.length) throw new Error(`${from} cannot be replaced by ${to}`);
  bytes.write(to, at, 'latin1');
  return bytes;
}

describe.each(['zip.bin', 'legacy.bin', 'wrapped.bin', 'wrapped-legacy.bin', 'protocol4.bin', 'no-checksums.bin'])(
  '%s, written by PyTorch,',
  (name) => {
    it('gives every tensor its dtype, shape and values', async () => {
      await using source = await openTorch(join(fixtures, name));

      expect(source.format).toBe(name.includes('legacy') ? 'PyTorch, legacy form' : 'PyTorch');
      expect(source.tensors.get('plain')).toMatchObject({ dtype: 'F32', shape: [3, 4] });
      expect(await sourceFloats(source, 'plain')).toEqual(counting(12));
      expect(source.tensors.get('half')?.dtype).toBe('F16');
      expect((await sourceBytes(source, 'half')).toString('hex', 0, 8)).toBe('0000003c00400042'); // 0 1 2 3
      expect(source.tensors.get('bfloat')?.dtype).toBe('BF16');
      expect((await sourceBytes(source, 'bfloat')).toString('hex', 0, 8)).toBe('0000803f00404040'); // 0 1 2 3
      expect(source.tensors.get('double')?.dtype).toBe('F64');
      expect((await sourceBytes(source, 'double')).readDoubleLE(88)).toBe(11);
      expect(source.tensors.get('long')?.dtype).toBe('I64');
      expect(source.tensors.get('mask')).toMatchObject({ dtype: 'U8', shape: [1, 1, 3, 3] });
      expect([...(await sourceBytes(source, 'mask'))]).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1]);
      expect(source.tensors.get('flag')?.dtype).toBe('BOOL');
      expect(await sourceFloats(source, 'parameter')).toEqual(counting(4));
      expect(source.tensors.get('scalar')?.shape).toEqual([]);
      expect(await sourceFloats(source, 'scalar')).toEqual([7]);
      expect(source.tensors.get('empty')?.shape).toEqual([0, 5]);
      expect(await sourceFloats(source, 'empty')).toEqual([]);
    });

    it('gives views: transposed, sliced, and several of one storage', async () => {
      await using source = await openTorch(join(fixtures, name));

      expect(await sourceFloats(source, 'transposed')).toEqual(counting(12));
      expect(await sourceFloats(source, 'shared')).toEqual(counting(24));
      expect(await sourceFloats(source, 'tied')).toEqual(counting(24));
      expect(await sourceFloats(source, 'rows')).toEqual(counting(24).slice(6, 18));
      expect(await sourceFloats(source, 'columns')).toEqual(counting(24).filter((i) => i % 2 === 0));
    });
  },
);

describe('the PyTorch reader', () => {
  it('gives tensors with the negative bit the sign that PyTorch gives them', async () => {
    await using source = await openTorch(join(fixtures, 'negative.bin'));
    const values = (name: string) => sourceBytes(source, name);

    for (const name of ['float', 'transposed', 'imaginary']) {
      expect(
        (await sourceFloats(source, name)).map((value) => value + 0),
        name,
      ).toEqual(counting(12));
    }
    expect((await values('half')).toString('hex', 2, 8)).toBe('003c00400042'); // 1 2 3
    expect((await values('bfloat')).toString('hex', 2, 8)).toBe('803f00404040'); // 1 2 3
    expect((await values('double')).readDoubleLE(88)).toBe(11);
  });

  it('gives every dict that holds tensors, by the keys that lead to it', async () => {
    await using source = await openTorch(join(fixtures, 'wrapped.bin'));

    expect([...(source.dicts ?? [])].map(([path, { size }]) => [path, size])).toEqual([
      ['optimizer', 1],
      ['state_dict', 15],
    ]);
    expect(source.tensors).toBe(source.dicts?.get('state_dict'));
  });
});

describe('the PyTorch reader refuses', () => {
  it('a forbidden global in either format before it reads a tensor, and names it', async () => {
    for (const name of ['no-checksums.bin', 'legacy.bin']) {
      const path = await changed(name, (bytes) =>
        replaced(bytes, 'torch._utils\n_rebuild_tensor_v2', 'builtins....\nexec..............'),
      );
      await expect(openTorch(path), name).rejects.toMatchObject({
        code: 'weights_unsafe',
        message: expect.stringContaining('builtins.....exec'),
      });
    }
  });

  it('a file in neither format, with an error of one line', async () => {
    for (const text of ['', 'PK', 'hello', 'PK\x03\x04 and nothing more', '\x80\x02K\x01.']) {
      const path = await changed('zip.bin', () => Buffer.from(text, 'latin1'));
      const error = await openTorch(path).catch((reason: unknown) => reason);
      expect(error, text).toMatchObject({ code: expect.stringMatching(/^weights_(invalid|truncated)$/) });
      expect(String(error), text).not.toContain('\n');
    }
  });

  it('a file that is cut short at any place', async () => {
    for (const name of ['zip.bin', 'legacy.bin']) {
      const whole = await readFile(join(fixtures, name));
      for (let length = 0; length < whole.length; length += 97) {
        const path = await changed(name, () => whole.subarray(0, length));
        await expect(openTorch(path), `${name} ${length}`).rejects.toMatchObject({
          code: expect.stringMatching(/^weights_(invalid|truncated)$/),
        });
      }
    }
  });

  it('a state dict whose checksum does not match', async () => {
    const path = await changed('zip.bin', (bytes) => replaced(bytes, 'plain', 'plaim'));

    await expect(openTorch(path)).rejects.toThrow(/damaged: the checksum of zip\/data\.pkl/);
  });

  it('a storage whose checksum does not match', async () => {
    const path = await changed('zip.bin', (bytes) => {
      const at = bytes.indexOf(Buffer.from(new Float32Array(counting(12)).buffer));
      bytes[at + 4] = 0x55;
      return bytes;
    });
    await using source = await openTorch(path);

    await expect(sourceBytes(source, 'plain')).rejects.toThrow(/damaged: the checksum of zip\/data\/0/);
  });

  it('a shape larger than its storage', async () => {
    // plain: shape (3, 4) as K 3 K 4, strides (4, 1) as K 4 K 1
    for (const shape of ['K\x03K\x05', 'K\xffK\xff', 'K\x0dK\x01']) {
      const path = await changed('legacy.bin', (bytes) => replaced(bytes, 'K\x03K\x04', shape));
      await expect(openTorch(path), shape).rejects.toThrow(/does not fit its storage/);
    }
  });

  it('a tensor of 17 axes', async () => {
    // plain: strides (4, 1) as K 4 K 1 with TUPLE2; here a tuple of 17, behind a mark
    const path = await changed('legacy.bin', (bytes) => {
      const at = bytes.indexOf('K\x04K\x01\x86', 0, 'latin1');
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(`(${'K\x01'.repeat(17)}t`), bytes.subarray(at + 5)]);
    });
    await expect(openTorch(path)).rejects.toThrow(/a tensor of 17 axes, expected at most 16/);
  });

  it('an expanded tensor that is larger than its file', async () => {
    const path = await changed('legacy.bin', (bytes) =>
      replaced(replaced(bytes, 'K\x03K\x04', 'K\xffK\xff'), 'K\x04K\x01', 'K\x00K\x00'),
    );
    await using source = await openTorch(path);

    await expect(sourceBytes(source, 'plain')).rejects.toThrow(/repeats its elements: it takes 260100 bytes/);
  });

  it('a compressed record, overlapping records, and a directory with a wrong position', async () => {
    const compressed = await changed('zip.bin', (bytes) => {
      bytes.writeUInt16LE(8, bytes.indexOf('PK\x01\x02', 0, 'latin1') + 10);
      return bytes;
    });
    await expect(openTorch(compressed)).rejects.toThrow(/compressed or encrypted/);

    const overlapping = await changed('zip.bin', (bytes) => {
      const first = bytes.indexOf('PK\x01\x02', 0, 'latin1');
      const length = bytes.readUInt32LE(first + 20) + 100;
      for (const field of [20, 24]) bytes.writeUInt32LE(length, first + field);
      return bytes;
    });
    await expect(openTorch(overlapping)).rejects.toThrow(/overlaps another/);

    const lying = await changed('zip.bin', (bytes) => {
      const first = bytes.indexOf('PK\x01\x02', 0, 'latin1');
      bytes.writeUInt32LE(8, first + 42);
      return bytes;
    });
    await expect(openTorch(lying)).rejects.toMatchObject({ code: 'weights_invalid' });
  });

  it('a name with control characters, without printing them', async () => {
    const path = await changed('legacy.bin', (bytes) => replaced(bytes, 'torch._utils', 'torch.\x1b[2Jx\r'));
    const error = await openTorch(path).catch((reason: unknown) => reason);

    expect(String(error)).toContain('The pickle names');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
    expect(String(error)).not.toMatch(/[\x00-\x1f]/);
  });

  it('a broken link, and a directory', async () => {
    const link = join(directory, 'link.bin');
    await symlink(join(directory, 'nowhere'), link);

    await expect(openTorch(link)).rejects.toThrow(/link to a missing file/);
    await expect(openTorch(directory)).rejects.toThrow(/not a regular file/);
  });
});
