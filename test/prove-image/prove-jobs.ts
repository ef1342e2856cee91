import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createS3Store } from '../../lib/aws/s3-store.ts';
import { jobSummary } from '../../lib/contracts/job.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { igpt } from '../cli/igpt-process.ts';
import { writeBadFiles, writePictures } from '../cli/picture-folder.ts';
import { redAndBlue } from '../cli/training-data.ts';
import { deployBatch } from '../support/deploy-batch.ts';
import { startFakeBatch } from '../support/fake-batch.ts';
import type { Moto } from '../support/moto.ts';
import type { Clients, TemplateStack } from '../support/template-stack.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import type { Launcher } from './launcher.ts';
import { jobToPodman } from './podman-options.ts';

/** 128 + SIGTERM: AWS Batch tries again. */
const stoppedCode = 143;

const batchPictures = { good: 296, shardSize: 150 };

export interface JobFigures {
  pictures: number;
  shards: number;
  /** Most memory of a child that was stopped at work (bytes). */
  peakBytes: number;
}

/** Makes a data-set job's shards in containers, after a first attempt of the first shard is stopped with SIGTERM. */
export async function proveBatch(
  launcher: Launcher,
  stack: TemplateStack,
  { s3 }: Clients,
  moto: Moto,
  folder: string,
): Promise<JobFigures> {
  await using batch = await startFakeBatch();
  await deployBatch(moto, 'Image', stack, batch);
  const pictures = join(folder, 'batch');
  await writePictures(pictures, batchPictures.good);
  const bad = Object.keys(writeBadFiles(pictures));
  await upload(createS3Store({ client: s3, bucket: stack.output('InputBucket'), clock }), pictures, 'batch/');
  const source = `s3://${stack.output('InputBucket')}/batch`;
  const settings = ['--out', 'image', '--shard-size', String(batchPictures.shardSize), '--stack', 'Image'];
  const env = { ...moto.environment, AWS_ENDPOINT_URL_BATCH: batch.endpoint };
  const submitted = await igpt(['batch', 'submit', source, ...settings], { env });
  if (submitted.code !== 0) throw new Error(`Expected igpt batch submit to succeed: ${submitted.stderr}`);

  const container = jobToPodman(stack.properties('AWS::Batch::JobDefinition', 'BatchDefinition'));
  const launch = (child: number, attempt: number) =>
    launcher.launch(`batch-${child}-${attempt}`, container, batch.children[child]?.environment);
  const first = launch(0, 1);
  // It has started its decoders, and reads the shard's pictures.
  while ((await first.processes()).length < 2) await clock.sleep(20);
  const stopped = await launcher.stop(first);
  expectCode(launcher, first.name, stopped.code, stoppedCode);
  for (const child of batch.children.keys()) {
    const attempt = launch(child, 2);
    expectCode(launcher, attempt.name, await attempt.exited, 0, attempt.lines);
    await launcher.check(attempt);
  }
  const output = createS3Store({ client: s3, bucket: stack.output('OutputBucket'), clock });
  const read = await output.get('batch/image/_summary.json');
  const summary = jobSummary.parse(JSON.parse(Buffer.from('body' in read ? read.body : []).toString()));
  const expected = { pictures: batchPictures.good + bad.length, succeeded: batchPictures.good, failed: bad.length };
  for (const [name, count] of Object.entries(expected)) {
    const found = summary[name as keyof typeof expected];
    if (found !== count) launcher.wrong.push(`batch: expected ${count} ${name}, received ${found}`);
  }
  return { pictures: summary.pictures, shards: batch.children.length, peakBytes: stopped.peakBytes };
}

export interface TrainingFigures {
  steps: number;
  /** Most memory of the attempt that was stopped (bytes). */
  peakBytes: number;
}

const steps = 2000;

/** Trains in a container, which is stopped with SIGTERM; a second one, with an empty volume, resumes and ends. */
export async function proveTraining(
  launcher: Launcher,
  stack: TemplateStack,
  { s3 }: Clients,
  folder: string,
): Promise<TrainingFigures> {
  const bucket = (name: string) => createS3Store({ client: s3, bucket: stack.output(name), clock });
  const [input, output] = [bucket('InputBucket'), bucket('OutputBucket')];
  await using model = await tinyCheckpoint({ n_colors: 32 });
  await upload(output, model.directory, 'models/tiny/');
  const data = join(folder, 'training');
  await redAndBlue(data, 10);
  for (const color of ['red', 'blue']) await upload(input, join(data, color), `training/${color}/`);
  const outputBucket = `s3://${stack.output('OutputBucket')}`;
  const recipe = [
    '--objective',
    'ar',
    '--steps',
    String(steps),
    '--batch',
    '4',
    '--save-every',
    '100',
    '--eval-every',
    '100',
  ];
  const args = [
    ...recipe,
    '--threads',
    '1',
    '--decoders',
    '1',
    '--data',
    `s3://${stack.output('InputBucket')}/training`,
  ];
  const overrides = {
    TRAIN_OUT: `${outputBucket}/training/image`,
    TRAIN_MODEL: `${outputBucket}/models/tiny`,
    TRAIN_ARGUMENTS: JSON.stringify(args),
  };
  const container = jobToPodman(stack.properties('AWS::Batch::JobDefinition', 'TrainingDefinition'));
  const first = launcher.launch('train-1', container, overrides);
  await first.says(`step 100 of ${steps}`);
  const stopped = await launcher.stop(first);
  expectCode(launcher, first.name, stopped.code, stoppedCode, first.lines);
  const second = launcher.launch('train-2', container, overrides);
  expectCode(launcher, second.name, await second.exited, 0, second.lines);
  await launcher.check(second);
  if (!second.lines.some((line) => line.includes('resuming after step'))) launcher.wrong.push('train-2 did not resume');
  if ((await output.head('training/image/model.safetensors')) === undefined)
    launcher.wrong.push('train-2 has stored no model');
  return { steps, peakBytes: stopped.peakBytes };
}

async function upload(store: ObjectStore, folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) await store.put(`${prefix}${name}`, await readFile(join(folder, name)));
}

function expectCode(
  { wrong }: Launcher,
  name: string,
  code: number | null,
  expected: number,
  lines: readonly string[] = [],
): void {
  if (code !== expected) wrong.push(`${name}: expected exit code ${expected}, received ${code}: ${lines.join('\n')}`);
}
