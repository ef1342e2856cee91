import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Moto, motoMissing, motoRegion, startMoto } from '../support/moto.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { redAndBlue } from './training-data.ts';

const missing = await motoMissing();

const clientOf = ({ endpoint }: Moto) =>
  new S3Client({
    endpoint,
    region: motoRegion,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });

describe.skipIf(missing !== undefined)(
  `a data set on S3${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let moto: Moto;
    beforeAll(async () => {
      moto = await startMoto();
    });
    afterAll(() => moto[Symbol.asyncDispose]());

    test('is read below its prefix, labelled by folder, and read again when an object changes', async () => {
      using folder = temporaryFolder();
      await using model = await tinyCheckpoint({ classes: 0 });
      await redAndBlue(join(folder.path, 'pictures'), 6);
      const client = clientOf(moto);
      await client.send(new CreateBucketCommand({ Bucket: 'data' }));
      for (const name of ['red', 'blue']) {
        for (const file of readdirSync(join(folder.path, 'pictures', name))) {
          const Body = readFileSync(join(folder.path, 'pictures', name, file));
          await client.send(new PutObjectCommand({ Bucket: 'data', Key: `mine/${name}/${file}`, Body }));
        }
      }
      const run = (...args: string[]) =>
        igpt(['probe', '--model', model.directory, '--cache', 'cache', '--decoders', '1', '--json', ...args], {
          cwd: folder.path,
          env: moto.environment,
        });
      const labels = ['--labels-per-class', '2', '--draws', '1', '--layers', '1'];

      const first = await run('--data', 's3://data/mine', ...labels);
      expect(first.code, first.stderr).toBe(0);
      expect(first.stderr).toContain(
        's3://data/mine: 12 pictures of 2 classes; left out, as they could not be read: unsupported_format 1',
      );
      expect((await run('--data', 's3://data/mine/', ...labels)).stdout.length).toBeGreaterThan(0);
      expect(readdirSync(join(folder.path, 'cache', 'token-sets'))).toHaveLength(1);

      await client.send(new DeleteObjectCommand({ Bucket: 'data', Key: 'mine/red/0.png' }));
      const second = await run('--data', 's3://data/mine', ...labels);
      expect(second.stderr).toContain('11 pictures of 2 classes');

      const nothing = await run('--data', 's3://data/other', ...labels);
      expect(nothing.stderr).toContain('expected pictures in s3://data/other, found no files');
      expect(nothing.code).toBe(1);
      const noBucket = await run('--data', 's3://nope/mine', ...labels);
      expect(noBucket.stderr.trimEnd().split('\n').at(-1)).not.toContain('unexpected');
      expect(noBucket.code).toBe(1);
    });

    test('has the same parts and classes as a directory', async () => {
      using folder = temporaryFolder();
      await using model = await tinyCheckpoint({ classes: 0 });
      await redAndBlue(join(folder.path, 'pictures'), 1);
      const Body = readFileSync(join(folder.path, 'pictures', 'red', '0.png'));
      const client = clientOf(moto);
      await client.send(new CreateBucketCommand({ Bucket: 'divided' }));
      const put = (Key: string) => client.send(new PutObjectCommand({ Bucket: 'divided', Key, Body }));
      const classes = ['Training/cat', 'Training/dog', 'Test/cat', 'Test/dog'];
      for (const name of classes) for (const i of [1, 2, 3, 4]) await put(`set/${name}/${i}.png`);
      for (const name of ['__MACOSX/Training/cat/1.png', 'Test/.ipynb_checkpoints/1.png', 'Test/cat/._1.png', 'samples/1.png']) await put(`set/${name}`); // biome-ignore format: one line
      await client.send(new PutObjectCommand({ Bucket: 'divided', Key: 'set/runs/', Body: new Uint8Array(0) }));
      for (const name of ['cat', 'dog', 'test']) await put(`unclear/${name}/1.png`);
      const probe = (data: string) =>
        igpt(['probe', '--model', model.directory, '--cache', 'cache', '--decoders', '1', '--validation-share', '0.25', '--json', '--data', data], { cwd: folder.path, env: moto.environment }); // biome-ignore format: one line

      const { code, stdout, stderr } = await probe('s3://divided/set');
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        pictures: { train: 6, validation: 2, test: 8 },
        data_set: {
          classes: [
            { label: 'cat', pictures: 8 },
            { label: 'dog', pictures: 8 },
          ],
          left_out: { samples: 1 },
          unreadable: {},
        },
      });
      const unclear = await probe('s3://divided/unclear');
      expect(unclear.stderr).toContain('the folders of s3://divided/unclear can be parts or classes: test (1 picture)');
      expect(unclear.code).toBe(2);
    });
  },
);
