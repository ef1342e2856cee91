import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeNpy, encodeNpyHeader, type NpyData } from '../../../lib/image-gpt/npy.ts';
import { openTokenRows } from '../../../lib/local/npy-file.ts';
import { UsageError } from '../../../lib/ports/error.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'igpt-rows-')), 'tokens.npy');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true }));

const EXPECTED = { columns: 3, below: 16, what: 'token' };

function write(data: NpyData, shape: number[]): void {
  writeFileSync(path, encodeNpy(data, shape));
}

test.each([
  ['uint8', Uint8Array.of(1, 2, 3, 4, 5, 15)],
  ['uint16', Uint16Array.of(1, 2, 3, 4, 5, 15)],
  ['int32', Int32Array.of(1, 2, 3, 4, 5, 15)],
  ['int64', BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 15n)],
])('reads any rows of %s', async (_, data) => {
  write(data, [2, 3]);
  await using tokens = await openTokenRows(path, EXPECTED);

  expect(tokens.rows).toBe(2);
  expect(await tokens.read(1, 1)).toEqual(Uint16Array.of(4, 5, 15));
  expect(await tokens.read(0, 2)).toEqual(Uint16Array.of(1, 2, 3, 4, 5, 15));
});

test('reads Fortran order and big-endian files', async () => {
  const header = Buffer.from(encodeNpyHeader('u2', [2, 3])).toString('latin1');
  const bytes = Buffer.alloc(12);
  for (const [i, value] of [1, 4, 2, 5, 3, 6].entries()) {
    bytes.writeUInt16BE(value, 2 * i);
  }
  writeFileSync(
    path,
    Buffer.concat([Buffer.from(header.replace('<u2', '>u2').replace('False', 'True '), 'latin1'), bytes]),
  );
  await using tokens = await openTokenRows(path, EXPECTED);

  expect(await tokens.read(0, 2)).toEqual(Uint16Array.of(1, 2, 3, 4, 5, 6));
});

test('names the position of a token outside the palette', async () => {
  write(Int32Array.of(0, 0, 0, 0, 16, 0), [2, 3]);
  await using tokens = await openTokenRows(path, EXPECTED);

  await expect(tokens.read(1, 1)).rejects.toThrow('expected every token from 0 to 15, received 16 in row 1, column 1');
});

test('refuses negative tokens', async () => {
  write(Int32Array.of(0, -1, 0), [1, 3]);
  await using tokens = await openTokenRows(path, EXPECTED);

  await expect(tokens.read(0, 1)).rejects.toMatchObject({ code: 'value_out_of_range' });
});

test.each([
  ['another number of columns', Uint8Array.of(1, 2), [1, 2], 'expected [N, 3]'],
  ['one dimension', Uint8Array.of(1, 2, 3), [3], 'expected shape [N, n], received [3]'],
  ['three dimensions', Uint8Array.of(1, 2, 3), [1, 1, 3], 'expected shape [N, n], received [1, 1, 3]'],
  ['floats', Float32Array.of(1, 2, 3), [1, 3], 'expected an integer dtype, received f4'],
])('refuses %s', async (_, data, shape, words) => {
  write(data, shape);

  await expect(openTokenRows(path, EXPECTED)).rejects.toThrow(words);
});

test('refuses a file that is incomplete, is no npy file, or does not exist', async () => {
  const whole = encodeNpy(Uint8Array.of(1, 2, 3), [1, 3]);
  writeFileSync(path, whole.subarray(0, -1));
  await expect(openTokenRows(path, EXPECTED)).rejects.toThrow('check that the file is complete');
  writeFileSync(path, 'hello, world');
  await expect(openTokenRows(path, EXPECTED)).rejects.toMatchObject({ code: 'npy_invalid' });
  await expect(openTokenRows(`${path}.missing`, EXPECTED)).rejects.toThrow(/the system said ENOENT/);
  await expect(openTokenRows(`${path}.missing`, EXPECTED)).rejects.toBeInstanceOf(UsageError);
});

test('refuses a folder and a pipe as a usage error, without waiting for a writer', async () => {
  const pipe = `${path}.pipe`;
  execFileSync('mkfifo', [pipe]);
  for (const wrong of [pipe, join(path, '..')]) {
    const error = await openTokenRows(wrong, EXPECTED).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(`expected an npy file, received a ${wrong === pipe ? 'pipe' : 'folder'}`);
  }
});

test('accepts an npy file without rows', async () => {
  write(new Uint8Array(), [0, 3]);
  await using tokens = await openTokenRows(path, EXPECTED);

  expect(tokens.rows).toBe(0);
  expect(await tokens.read(0, 0)).toEqual(new Uint16Array());
});
