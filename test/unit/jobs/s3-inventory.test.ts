import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { readColumns } from '../../../lib/jobs/parquet/read-columns.ts';
import { openInventory } from '../../../lib/jobs/s3-inventory.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

interface Files {
  format?: string;
  schema: string;
  /** Content by key. */
  files: Record<string, Uint8Array>;
  /** A wrong MD5 for the manifest. */
  md5?: string;
}

async function inventory({ format = 'CSV', schema, files, md5 }: Files) {
  const store = createMemoryObjectStore(createVirtualClock());
  for (const [key, body] of Object.entries(files)) await store.put(key, body);
  const manifest = {
    sourceBucket: 'pictures',
    destinationBucket: 'arn:aws:s3:::lists',
    version: '2016-11-30',
    fileFormat: format,
    fileSchema: schema,
    files: Object.entries(files).map(([key, body]) => ({
      key,
      size: body.length,
      MD5checksum: md5 ?? createHash('md5').update(body).digest('hex'),
    })),
  };
  const opened = await openInventory(new TextEncoder().encode(JSON.stringify(manifest)), {
    name: 's3://lists/manifest.json',
    openBucket: async (bucket) => {
      expect(bucket).toBe('lists');
      return store;
    },
    readParquet: readColumns,
  });
  const pictures = [];
  for await (const picture of opened.pictures()) pictures.push(picture);
  return { bucket: opened.bucket, pictures };
}

test('an inventory in gzipped CSV is read in the order of its files, with decoded keys', async () => {
  const listed = await inventory({
    schema: 'Bucket, Key, Size, LastModifiedDate, ETag',
    files: {
      'data/1.csv.gz': gzipSync(
        '"pictures","cats/a+b%2C%22c%22.jpg","10","2026-06-01T00:00:00.000Z","aa"\n"pictures","empty/","0","2026-06-01T00:00:00.000Z","bb"\n',
      ),
      'data/2.csv.gz': gzipSync('"pictures","z.jpg","11","2026-06-01T00:00:00.000Z","cc"\n'),
    },
  });
  expect(listed).toEqual({
    bucket: 'pictures',
    pictures: [
      { key: 'cats/a b,"c".jpg', etag: '"aa"' },
      { key: 'z.jpg', etag: '"cc"' },
    ],
  });
});

test('only current versions are listed, without delete markers; the ETag may be missing', async () => {
  const { pictures } = await inventory({
    schema: 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size',
    files: {
      'data/1.csv.gz': gzipSync(
        [
          '"pictures","now.jpg","v2","true","false","9"',
          '"pictures","now.jpg","v1","false","false","8"',
          '"pictures","gone.jpg","v3","true","true",""',
        ].join('\n'),
      ),
    },
  });
  expect(pictures).toEqual([{ key: 'now.jpg', etag: null }]);
});

test('an inventory in Parquet is read, with keys that are not encoded', async () => {
  const columnData = [
    { name: 'bucket', data: ['pictures', 'pictures', 'pictures'] },
    { name: 'key', data: ['a+b.jpg', 'folder/', 'ü.png'] },
    { name: 'size', data: [5n, 0n, 7n] },
    { name: 'e_tag', data: ['aa', 'bb', 'cc'] },
    { name: 'is_latest', data: [true, true, true] },
  ];
  const { pictures } = await inventory({
    format: 'Parquet',
    schema: 'message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); }',
    files: { 'data/1.parquet': new Uint8Array(parquetWriteBuffer({ columnData })) },
  });
  expect(pictures).toEqual([
    { key: 'a+b.jpg', etag: '"aa"' },
    { key: 'ü.png', etag: '"cc"' },
  ]);
});

test('a wrong MD5, ORC and a file that is no manifest are refused in one line', async () => {
  const files = { 'data/1.csv.gz': gzipSync('"pictures","a.jpg"\n') };
  const schema = 'Bucket, Key';
  await expect(inventory({ schema, files, md5: '00' })).rejects.toThrow(
    'Expected data/1.csv.gz with the MD5 in s3://lists/manifest.json, but its content differs: use a complete inventory.',
  );
  await expect(inventory({ format: 'ORC', schema, files })).rejects.toThrow(
    'Expected an inventory in CSV or Parquet, but s3://lists/manifest.json is in ORC: configure',
  );
  const reading = { name: 'x', openBucket: () => Promise.reject(new Error('never')), readParquet: readColumns };
  await expect(openInventory(new TextEncoder().encode('{}'), reading)).rejects.toThrow(
    'Expected x to be the manifest.json of an S3 Inventory',
  );
});

test.each([
  ['not gzipped', new TextEncoder().encode('"pictures","a.jpg"\n')],
  ['cut off', gzipSync('"pictures","a.jpg"\n').subarray(0, -9)],
])('a file that is %s is refused by name', async (_, file) => {
  const read = inventory({ schema: 'Bucket, Key', files: { 'data/1.csv.gz': file } });
  await expect(read).rejects.toThrow('Expected data/1.csv.gz to be gzipped, but it cannot be unpacked');
});

test('an outcome of any stack is not listed, whether sizes are known or not', async () => {
  const keys = [
    'results/igpt-nano-124872f4c43d/cat.jpg.json',
    `results-long/other-0123456789ab/${'0f'.repeat(32)}.json`,
    'results/cat.jpg',
  ];
  for (const schema of ['Bucket, Key', 'Bucket, Key, Size']) {
    const rows = keys.map((key) => `"pictures","${key}"${schema.endsWith('Size') ? ',"900"' : ''}`);
    const { pictures } = await inventory({ schema, files: { 'data/1.csv.gz': gzipSync(rows.join('\n')) } });

    expect(pictures).toEqual([{ key: 'results/cat.jpg', etag: null }]);
  }
});
