import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openByteFile } from '../../../../lib/checkpoint/byte-file.ts';
import { readZip } from '../../../../lib/checkpoint/torch/zip.ts';

it('finds the records of a file that PyTorch wrote', async () => {
  const path = join(import.meta.dirname, '../../../fixtures/torch/zip.bin');
  await using file = await openByteFile(path);
  const { offset, length } = (await readZip(file)).get('zip/byteorder')!;

  expect((await readFile(path)).toString('latin1', offset, offset + length)).toBe('little');
});

it('reads 64-bit sizes: a record of 5 GB and one after it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zip-'));
  try {
    const path = join(directory, 'large.bin');
    const big = 5_000_000_000;
    const second = 30 + 3 + big;
    const start = second + 30 + 3 + 4;
    const records = [
      { name: 'big', offset: 0, length: big },
      { name: 'end', offset: second, length: 4 },
    ];
    const central = Buffer.concat(records.map(centralRecord));
    const handle = await open(path, 'w');
    for (const { name, offset } of records) await handle.write(localRecord(name), 0, 33, offset);
    await handle.write(Buffer.from('data'), 0, 4, second + 33);
    await handle.write(Buffer.concat([central, endRecords(start, central.length, 2)]), 0, undefined, start);
    await handle.close();

    await using file = await openByteFile(path);
    const entries = await readZip(file);

    expect(entries.get('big')).toMatchObject({ offset: 33, length: big });
    expect(entries.get('end')).toMatchObject({ offset: second + 33, length: 4 });
  } finally {
    await rm(directory, { recursive: true });
  }
});

function localRecord(name: string): Buffer {
  const bytes = Buffer.alloc(30 + name.length);
  bytes.write('PK\x03\x04', 'latin1');
  bytes.writeUInt16LE(name.length, 26);
  bytes.write(name, 30);
  return bytes;
}

/** A record whose sizes are all in the zip64 field. */
function centralRecord({ name, offset, length }: { name: string; offset: number; length: number }): Buffer {
  const bytes = Buffer.alloc(46 + name.length + 28);
  bytes.write('PK\x01\x02', 'latin1');
  for (const field of [20, 24, 42]) bytes.writeUInt32LE(0xffffffff, field);
  bytes.writeUInt16LE(name.length, 28);
  bytes.writeUInt16LE(28, 30);
  bytes.write(name, 46);
  const extra = 46 + name.length;
  bytes.writeUInt16LE(1, extra);
  bytes.writeUInt16LE(24, extra + 2);
  [length, length, offset].forEach((size, i) => {
    bytes.writeBigUInt64LE(BigInt(size), extra + 4 + 8 * i);
  });
  return bytes;
}

function endRecords(start: number, length: number, count: number): Buffer {
  const long = Buffer.alloc(56);
  long.write('PK\x06\x06', 'latin1');
  for (const [field, value] of [
    [32, count],
    [40, length],
    [48, start],
  ] as const) {
    long.writeBigUInt64LE(BigInt(value), field);
  }
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(start + length), 8);
  const short = Buffer.alloc(22, 0xff);
  short.write('PK\x05\x06', 'latin1');
  short.writeUInt16LE(0, 20);
  return Buffer.concat([long, locator, short]);
}
