import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { clientDefaults } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { createRunMirror, fetchRun } from '../../lib/aws/training-mirror.ts';
import { trainEnvironment } from '../../lib/contracts/environment.ts';
import { folderPrefix, parseS3Location } from '../../lib/contracts/s3-location.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';

/** Gigabytes of moments go in one request, milliseconds. */
const requestTimeout = 600_000;

/**
 * Container entry of a training job: fetches the run as far as it came, goes on with `igpt train`, and copies the run to
 * S3 while it works. SIGTERM (a Spot instance is taken away, with two minutes' notice) makes igpt train keep a
 * checkpoint, which is copied; the next attempt of the job goes on from it. Ends with igpt train's exit code.
 */
async function main(): Promise<number> {
  const env = readEnvironment(trainEnvironment, process.env);
  const { AWS_ENDPOINT_URL: emulator } = process.env;
  const client = new S3Client({
    ...clientDefaults,
    forcePathStyle: emulator !== undefined,
    requestHandler: { ...clientDefaults.requestHandler, requestTimeout },
  });
  const { bucket, path } = parseS3Location(env.TRAIN_OUT) ?? { bucket: '', path: '' };
  const place = { client, clock, bucket, prefix: folderPrefix(path) };
  const folder = env.TRAIN_FOLDER;
  const model = await fetchModel({ client, clock, location: env.TRAIN_MODEL, cache: folder, weights: true });
  const out = join(folder, 'run');
  await mkdir(out, { recursive: true });
  await fetchRun(place, out);

  const igpt = join(repositoryRoot, 'lib/cli/igpt.js');
  const command = [igpt, 'train', ...env.TRAIN_ARGUMENTS, '--model', model, '--out', out, '--cache', folder];
  const training = spawn(process.execPath, command, { stdio: 'inherit' });
  const ended = once(training, 'exit');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => training.kill(signal));
  const copy = createRunMirror(place, out);
  let copying: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    copying = copying.then(copy).catch((error: unknown) => console.error('the run was not copied:', error));
  }, env.TRAIN_COPY_SECONDS * 1000);
  const [code, signal] = await ended;
  clearInterval(timer);
  await copying;
  await lastCopy(copy);
  return typeof code === 'number' ? code : signal === null ? 1 : 137;
}

/** A body that was half sent cannot be sent again by the SDK; here a whole new copy is. */
const attempts = 3;

async function lastCopy(copy: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await copy();
    } catch (error) {
      if (attempt === attempts) throw error;
      console.error('the run was not copied, trying again:', error);
    }
  }
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error);
    return 1;
  }),
);
