import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { jobSummary } from '../../lib/contracts/job.ts';
import { openShard } from '../../lib/jobs/parquet/shard-file.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { igpt, temporaryFolder } from '../cli/igpt-process.ts';
import { type Moto, motoMissing, startMoto } from '../support/moto.ts';

const missing = await motoMissing();

const pictures = ['animals/cat.jpg', 'space/rocket.jpg', 'textures/grass.png', 'CREDITS.md'];

describe.skipIf(missing !== undefined)(`igpt batch on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let moto: Moto;
  let s3: ReturnType<typeof createS3Client>;

  beforeAll(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
    s3 = createS3Client();
    for (const Bucket of ['pictures', 'results']) await s3.send(new CreateBucketCommand({ Bucket }));
    for (const name of pictures)
      await put('pictures', `2026/${name}`, readFileSync(join(repositoryRoot, 'test/fixtures/pictures', name)));
    await put('pictures', '2026-other/z.jpg', new Uint8Array(0));
    await put('pictures', '2026/empty/', new Uint8Array(0));
  });

  afterAll(async () => {
    s3?.destroy();
    await moto?.[Symbol.asyncDispose]();
  });

  const put = (Bucket: string, Key: string, Body: Uint8Array) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));

  async function get(Key: string): Promise<Uint8Array> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'results', Key }));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  it('reads a prefix and writes each shard once, with several runners too', async () => {
    const args = ['batch', 'run', 's3://pictures/2026', '--out', 's3://results/job-1', '--shard-size', '2', '--json'];
    const runs = await Promise.all([igpt(args), igpt(args)]);
    for (const { code, stderr, stdout } of runs) {
      expect(code, stderr).toBe(0);
      expect(jobSummary.parse(JSON.parse(stdout))).toMatchObject({
        pictures: 4,
        failures: { unsupported_format: 1 },
      });
    }
    const { Contents: objects = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'results', Prefix: 'job-1/' }));
    expect(
      objects.map(({ Key }) => Key).filter((key) => key?.endsWith('.parquet') || key?.endsWith('_SUCCESS')),
    ).toEqual(['job-1/_SUCCESS', 'job-1/part-00000.parquet', 'job-1/part-00001.parquet']);
    const [credits, cat] = await openShard(await get('job-1/part-00000.parquet')).read();
    expect(credits).toMatchObject({ key: '2026/CREDITS.md', error_code: 'unsupported_format' });
    expect(cat).toMatchObject({ key: '2026/animals/cat.jpg', label: 'frog', error_code: null });
    expect(await igpt(['batch', 'verify', 's3://results/job-1'])).toMatchObject({ code: 0 });
    const similar = await igpt([
      'similar',
      join(repositoryRoot, 'test/fixtures/pictures/animals/cat.jpg'),
      '--in',
      's3://results/job-1',
      '-k',
      '1',
      '--json',
    ]);
    expect(JSON.parse(similar.stdout)).toMatchObject({ key: '2026/animals/cat.jpg', rank: 1 });
  });

  it('reads an S3 Inventory, and writes to a directory', async () => {
    const lists = gzipSync('"pictures","2026/animals/cat.jpg","1"\n"pictures","2026/gone.jpg","1"\n');
    await put('results', 'lists/data/1.csv.gz', lists);
    const manifest = {
      sourceBucket: 'pictures',
      destinationBucket: 'arn:aws:s3:::results',
      fileFormat: 'CSV',
      fileSchema: 'Bucket, Key, Size',
      files: [{ key: 'lists/data/1.csv.gz', MD5checksum: createHash('md5').update(lists).digest('hex') }],
    };
    await put('results', 'lists/manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
    using folder = temporaryFolder();
    const out = join(folder.path, 'shards');
    mkdirSync(out);
    const { code, stderr, stdout } = await igpt([
      'batch',
      'run',
      's3://results/lists/manifest.json',
      '--out',
      out,
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    expect(jobSummary.parse(JSON.parse(stdout))).toMatchObject({ succeeded: 1, failures: { not_found: 1 } });
  });
});
