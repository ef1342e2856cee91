import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createS3Client } from '../../lib/aws/clients.ts';
import { fetchModel } from '../../lib/aws/fetch-model.ts';
import { readEnvironment } from '../../lib/aws/read-environment.ts';
import { createTrainingMirror, fetchTraining } from '../../lib/aws/training-mirror.ts';
import { trainEnvironment } from '../../lib/contracts/environment.ts';
import { folderPrefix, parseS3Location } from '../../lib/contracts/s3-location.ts';
import { makeDirectory } from '../../lib/files/make-directory.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { onStop, runContainer } from '../container-entry.ts';
import { startCopying } from './start-copying.ts';

/** Time limit of a request (milliseconds). A checkpoint's moments are gigabytes in one request. */
const requestTimeout = 600_000;

/** 128 + SIGKILL, the exit code when a signal ended `igpt train`. */
const killedCode = 137;

/**
 * Container entry of a training job: fetches what an earlier attempt has copied to S3, continues with `igpt train`, and
 * copies its directory to S3 while it works. SIGTERM (Spot takes the machine) makes `igpt train` save a checkpoint, which
 * is copied; the job's next attempt resumes from it. If that takes longer than the 30 s of a job, the next attempt resumes
 * from the last checkpoint that was copied whole. The exit code is that of `igpt train`.
 */
async function main(): Promise<number> {
  const env = readEnvironment(trainEnvironment, process.env);
  const client = createS3Client({ requestTimeout });
  const { bucket, path } = parseS3Location(env.TRAIN_OUT) ?? { bucket: '', path: '' };
  const place = { client, clock, bucket, prefix: folderPrefix(path) };
  const folder = env.TRAIN_FOLDER;
  const model = await fetchModel({ client, clock, location: env.TRAIN_MODEL, cache: folder, weights: true });
  const out = join(folder, 'run');
  await makeDirectory(out);
  await fetchTraining(place, out);

  const igpt = join(repositoryRoot, 'lib/cli/igpt.js');
  const command = [igpt, 'train', ...env.TRAIN_ARGUMENTS, '--model', model, '--out', out, '--cache', folder];
  const training = spawn(process.execPath, command, { stdio: 'inherit' });
  const ended = once(training, 'exit');
  onStop((signal) => training.kill(signal));
  const copying = startCopying(createTrainingMirror(place, out), env.TRAIN_COPY_SECONDS * 1000);
  const [code, signal] = await ended;
  await copying.finish();
  if (typeof code === 'number') return code;
  return signal === null ? 1 : killedCode;
}

await runContainer(main, (error) => {
  console.error(error);
  return 1;
});
