import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { igpt, temporaryFolder } from '../cli/igpt-process.ts';
import { redAndBlue } from '../cli/training-data.ts';
import { clientConfig } from '../support/deployed-in-moto.ts';
import { motoMissing, startMoto } from '../support/moto.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const missing = await motoMissing();
const bucket = 'training';
// Several seconds of training, so that the first copy to S3, after one second, comes in the middle.
const recipe = ['--objective', 'ar', '--steps', '4000', '--batch', '4', '--save-every', '100', '--eval-every', '1000', '--threads', '1', '--decoders', '1']; // biome-ignore format: one line

test.skipIf(missing !== undefined)(
  'a training job that Spot interrupts resumes in its next attempt, and writes the model of an uninterrupted run to S3',
  async () => {
    await using moto = await startMoto();
    const s3 = new S3Client({ ...clientConfig(moto), forcePathStyle: true });
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32 });
    await redAndBlue(join(folder.path, 'pictures'), 10);
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const put = (Key: string, Body: Uint8Array) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    for (const name of ['config.json', 'model.safetensors', 'preprocessor_config.json']) {
      await put(`models/tiny/${name}`, readFileSync(join(model.directory, name)));
    }
    for (const color of ['red', 'blue']) {
      for (const name of readdirSync(join(folder.path, 'pictures', color))) {
        await put(`data/${color}/${name}`, readFileSync(join(folder.path, 'pictures', color, name)));
      }
    }
    const keys = async (): Promise<string[]> => {
      const { Contents: found = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'runs/a/' }));
      return found.map(({ Key: key = '' }) => key.slice('runs/a/'.length));
    };

    /** Runs an attempt on an empty disk, and stops it when `until` is true. Resolves with its exit code. */
    async function attempt(until: () => Promise<boolean>): Promise<number> {
      const disk = await mkdtemp(join(tmpdir(), 'igpt-train-'));
      const job = spawn(process.execPath, [join(repositoryRoot, 'functions/train/main.ts')], {
        env: {
          ...process.env,
          ...moto.environment,
          TRAIN_OUT: `s3://${bucket}/runs/a`,
          TRAIN_MODEL: `s3://${bucket}/models/tiny`,
          TRAIN_ARGUMENTS: JSON.stringify([...recipe, '--data', `s3://${bucket}/data`]),
          TRAIN_FOLDER: disk,
          TRAIN_COPY_SECONDS: '1',
        },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const ended = once(job, 'exit');
      while (job.exitCode === null && !(await until())) await setTimeout(20);
      job.kill('SIGTERM');
      const [code] = await ended;
      await rm(disk, { recursive: true });
      return code;
    }

    const hasCopied = async () => (await keys()).some((key) => key.endsWith('trainer-state.json'));
    expect(await attempt(hasCopied)).toBe(143);
    expect(await attempt(async () => false)).toBe(0);
    const last = (await keys()).filter((key) => key.startsWith('training/step-'));
    expect(new Set(last.map((key) => key.split('/')[1]))).toEqual(new Set(['step-00003900', 'step-00004000']));

    const whole = await igpt(
      ['train', ...recipe, '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--out', 'out'],
      { cwd: folder.path },
    );
    expect(whole.code, whole.stderr).toBe(0);
    const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'runs/a/model.safetensors' }));
    const bytes = (await body?.transformToByteArray()) ?? [];
    expect(Buffer.from(bytes).equals(readFileSync(join(folder.path, 'out', 'model.safetensors')))).toBe(true);
  },
);
