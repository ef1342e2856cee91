import { Command, Option } from 'commander';
import type { Job } from '../../contracts/job.ts';
import { maxArrayChildren } from '../../contracts/limits.ts';
import { parseS3Location } from '../../contracts/s3-location.ts';
import { type JobSource, openJobSource } from '../../jobs/job-source.ts';
import { openJobOutput } from '../../jobs/open-job.ts';
import { submissionCondition, writeSubmission } from '../../jobs/submission.ts';
import { statPath } from '../../local/stat-path.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import type { createBatchClient } from '../../operate/clients.ts';
import { jobPlace } from '../../operate/job-place.ts';
import type { StackOptions } from '../../operate/open-stack.ts';
import { identifyStackModel } from '../../operate/stack-model.ts';
import { type JobStack, jobName, openJobStack } from '../../operate/submitted-job.ts';
import { UsageError } from '../../ports/error.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { addDecodingLimits, type DecodingLimits } from '../options/decode-option.ts';
import { maxFailureRateOption, settingsOf, shardSizeOption } from '../options/job-options.ts';
import { modelDirectory } from '../options/model-option.ts';
import { addOutputOptions, type OutputOptions, refuseMeaninglessModelOptions } from '../options/prediction-options.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { planWithProgress } from '../terminal/job-progress.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface BatchSubmitOptions extends StackOptions, DecodingLimits, OutputOptions {
  out: string;
  shardSize: number;
  maxFailureRate: number;
  model?: string;
  json: boolean;
}

export function batchSubmitCommand(): Command {
  const command = new Command('submit')
    .summary('runs the job on AWS Batch, with one child for each shard')
    .description(
      'Runs the model of a deployed stack over a whole data set on AWS Batch: lists the pictures, writes the manifests, and submits a job with one child for each missing shard. If the job runs already, it is only reported; otherwise its missing shards are submitted. By default it computes the outputs that the stack’s workers compute.',
    )
    .argument(
      '<src>',
      'pictures in the stack’s input bucket: s3://bucket/prefix, the manifest.json of an S3 Inventory, or a file with one s3://bucket/key per line',
    )
    .requiredOption('--out <dst>', 'name of the job, or its address s3://OUTPUT_BUCKET/batch/NAME, where the shards go')
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(shardSizeOption())
    .addOption(maxFailureRateOption())
    .addOption(new Option('--model <model>', 'a copy of the stack’s model on this machine (default: downloaded once)'))
    .option('--json', 'print the result as JSON', false);
  return addDecodingLimits(addOutputOptions(command))
    .addHelpText(
      'after',
      examples(
        'batch submit s3://INPUT_BUCKET/2026 --out 2026',
        'batch submit s3://INPUT_BUCKET/2026 --out 2026 --outputs features',
      ),
    )
    .addHelpText('after', '\nExit codes: 0 submitted, running or done, 1 not submitted, 2 wrong command line.')
    .action((source: string, options: BatchSubmitOptions) => batchSubmit(source, options));
}

async function batchSubmit(src: string, options: BatchSubmitOptions): Promise<void> {
  refuseMeaninglessModelOptions(options);
  refuseLocal(src);
  const jobStack = await openJobStack(options);
  const place = jobPlace(options.out, jobStack.stack.outputs, 'batch');
  const source = await openJobSource(src);
  refuseOtherBucket(source, jobStack);
  const [{ createBatchClient }, { readJobDefinition }] = await Promise.all([
    import('../../operate/clients.ts'),
    import('../../operate/aws-job.ts'),
  ]);
  const client = createBatchClient();
  using bar = progressBar('pictures');
  const definition = await readJobDefinition(client, jobStack.definition);
  const model = await identifyStackModel(definition, {
    directory: options.model === undefined ? undefined : modelDirectory(options.model),
    outputs: options.outputs,
    layer: options.layer,
    norm: options.norm,
    input: options.input,
    say: (line) => bar.say(printable(line)),
  });
  const settings = settingsOf(source, model, {
    ...options,
    precision: definition.PRECISION,
    provider: definition.PROVIDER,
    scaledDecoding: definition.SCALED_DECODING,
    prepack: false,
  });
  const output = await openJobOutput(place);
  using stop = stopOnInterrupt(bar.say, 'the current manifest');
  const pictures = source.pictures();
  const job = await planWithProgress({ output, settings, pictures, maxShards: maxArrayChildren }, bar, stop);
  if (job === undefined) return;
  bar.stop();
  const submitted = await submit({ ...jobStack, client, place, output, job, maxFailureRate: options.maxFailureRate });
  await report(submitted, { ...jobStack, place, job }, options);
}

interface Submission extends JobStack {
  client: ReturnType<typeof createBatchClient>;
  place: string;
  output: ObjectStore;
  job: Job;
  maxFailureRate: number;
}

type Submitted =
  | { state: 'submitted' | 'running'; awsJob: string; name: string; shards: number; pictures: number }
  | { state: 'done' };

async function submit({
  client,
  queue,
  definition,
  place,
  output,
  job,
  maxFailureRate,
}: Submission): Promise<Submitted> {
  const { findJob, hasEnded, submitJob } = await import('../../operate/aws-job.ts');
  const name = jobName(job, place);
  const condition = await submissionCondition(output);
  const found = await findJob(client, queue, name);
  if (found !== undefined && !hasEnded(found)) {
    const { jobId: awsJob = '', arrayProperties } = found;
    return { state: 'running', awsJob, name, shards: arrayProperties?.size ?? 1, pictures: job.pictures };
  }
  const submission = await writeSubmission(output, job, condition, clock);
  if (submission === undefined) return { state: 'done' };
  const { shards, pictures } = submission;
  const awsJob = await submitJob(client, {
    queue,
    definition,
    name,
    children: shards.length,
    environment: { BATCH_OUT: place, BATCH_MAX_FAILURE_RATE: String(maxFailureRate) },
  });
  return { state: 'submitted', awsJob, name, shards: shards.length, pictures };
}

async function report(
  submitted: Submitted,
  { stack, place, job }: JobStack & { place: string; job: Job },
  { json, out }: BatchSubmitOptions,
): Promise<void> {
  const { state } = submitted;
  const facts =
    state === 'done'
      ? { aws_job: null, name: null, shards: 0, pictures: 0 }
      : { aws_job: submitted.awsJob, name: submitted.name, shards: submitted.shards, pictures: submitted.pictures };
  const words = {
    done: () => `job ${job.id} is done: ${job.pictures} pictures in ${job.shards.length} shards of ${printable(place)}`,
    running: () => `job ${job.id} is running already, as ${facts.aws_job} (${facts.name}) in ${stack.region}`,
    submitted: () =>
      `job ${job.id}, ${facts.shards} of ${job.shards.length} shards (${facts.pictures} pictures), submitted as ${facts.aws_job} (${facts.name}) in ${stack.region}; the shards go to ${printable(place)}`,
  };
  await writeOut(json ? `${JSON.stringify({ state, job: job.id, out: place, ...facts })}\n` : `${words[state]()}\n`);
  if (state === 'done') return;
  const call = stackCall(stack.name);
  process.stderr.write(`Progress: ${call(`batch status ${out}`)}; to cancel: ${call(`batch cancel ${out}`)}\n`);
}

function refuseLocal(src: string): void {
  // A local file may list keys of pictures in S3.
  if (parseS3Location(src) !== undefined || statPath(src, src)?.isFile() === true) return;
  throw new UsageError(
    `${src}: expected s3://bucket/prefix or a file that lists pictures in S3; for a directory, use igpt batch run`,
  );
}

function refuseOtherBucket({ place }: JobSource, { stack: { name, outputs } }: JobStack): void {
  if (place === `s3://${outputs.inputBucket}`) return;
  throw new UsageError(
    `expected pictures in s3://${outputs.inputBucket}, the input bucket of stack ${name}, because its jobs may read no other bucket; received ${place}`,
  );
}
