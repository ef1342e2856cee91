import { Command, Option } from 'commander';
import { withInput } from '../../checkpoint/class-input.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { openJobSource } from '../../jobs/job-source.ts';
import { checkJobOutput, openJobOutput } from '../../jobs/open-job.ts';
import { parquetShards } from '../../jobs/parquet/shard-file.ts';
import { readJob } from '../../jobs/plan-job.ts';
import { type RunShardsResult, runShards } from '../../jobs/run-shards.ts';
import { systemClock } from '../../local/system-clock.ts';
import { reportAbout } from '../../report/about-model.ts';
import { rememberSurprise } from '../../report/surprise-map.ts';
import { openModel } from '../../runtime/model.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { examples, samplePictures } from '../invocation.ts';
import { sayDevice } from '../options/compute-options.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { maxFailureRateOption, settingsOf, shardSizeOption } from '../options/job-options.ts';
import { openNamedCheckpoint, trialWarning } from '../options/model-option.ts';
import { number } from '../options/number-option.ts';
import {
  addModelOptions,
  type ModelOptions,
  openModelOptions,
  refuseMeaninglessModelOptions,
} from '../options/prediction-options.ts';
import { addJobReportOption } from '../options/report-options.ts';
import { jobSummaryText, planWithProgress, sayStopped, writeReportWithProgress } from '../terminal/job-progress.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles, reportOnce } from '../terminal/trouble.ts';

interface BatchRunOptions extends DecodeOptions, ModelOptions {
  out: string;
  shardSize: number;
  maxFailureRate: number;
  usdPerHour?: number;
  report: boolean;
  json: boolean;
}

export function batchRunCommand(): Command {
  const command = new Command('run')
    .summary('runs a data set on this machine into Parquet shards')
    .description(
      'Runs a model over a whole data set. DST gets manifests, Parquet shards with one row for each picture, and at the end _summary.json, _SUCCESS and a report page. If it is run again, it makes the missing shards. Several runs may work on one DST at once.',
    )
    .argument(
      '<src>',
      'a directory, s3://bucket/prefix, the manifest.json of an S3 Inventory, or a file with one key per line (s3://bucket/key, or a path relative to its own folder)',
    )
    .requiredOption('--out <dst>', 'a directory, or s3://bucket/prefix')
    .addOption(shardSizeOption())
    .addOption(maxFailureRateOption())
    .addOption(
      new Option('--usd-per-hour <usd>', 'price of this machine, for the cost in the summary').argParser(
        number({ min: 0 }),
      ),
    )
    .option('--json', 'print the summary as JSON', false);
  return addDecodeOptions(addModelOptions(addJobReportOption(command)))
    .addHelpText(
      'after',
      examples(
        `batch run ${samplePictures()} --out shards`,
        'batch run s3://pictures/2026 --out s3://results/2026 --outputs features',
      ),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done (pictures may have failed), 1 stopped, or the report was not written, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
    )
    .action((source: string, options: BatchRunOptions) => batchRun(source, options));
}

async function batchRun(src: string, options: BatchRunOptions): Promise<void> {
  refuseMeaninglessModelOptions(options);
  await checkJobOutput(src, options.out);
  using skipped = createSkippedFiles();
  const source = await openJobSource(src, { onSkipped: skipped.add });
  const checkpoint = withInput(await openNamedCheckpoint(options.model), options.input);
  using bar = progressBar('pictures');
  bar.update(0, undefined, 'opening the model');
  const decoding = decodingSettings(options);
  await using decoder = openDecoder(requirePreprocessing(checkpoint.directory, checkpoint.preprocessing), decoding);
  await using model = await openModel(checkpoint, openModelOptions(options));
  await sayDevice(options.provider, options.precision, bar.say);
  const memory = rememberSurprise(model);
  using stop = stopOnInterrupt(bar.say);

  const output = await openJobOutput(options.out);
  const resumed = (await readJob(output)) !== undefined;
  const { signal } = stop;
  const settings = settingsOf(source, model, options);
  const job = await planWithProgress({ output, settings, pictures: source.pictures() }, bar, stop);
  if (job === undefined) return;
  bar.say(
    `${model.id}: ${model.outputs.join(', ')}; job ${job.id}, ${job.pictures} pictures in ${job.shards.length} ${job.shards.length === 1 ? 'shard' : 'shards'} of ${printable(options.out)}`,
  );
  const result: RunShardsResult = await runShards({
    input: source.store,
    output,
    job,
    decoder,
    model: memory.model,
    signal,
    format: parquetShards,
    clock: systemClock,
    maxPictureBytes: decoding.maxBytes,
    decoding: decodingConcurrency(decoding),
    predicting: model.concurrency,
    maxFailureRate: options.maxFailureRate,
    // Several runs of one job start at different shards, so that they rarely make the same one.
    start: resumed ? Math.random() : 0,
    usdPerHour: options.usdPerHour,
    onProgress: ({ done, failed }) => bar.update(done, job.pictures, failed > 0 ? `${failed} failed` : undefined),
    onError: reportOnce(bar),
  });
  const { summary } = result;
  if (options.report && summary !== undefined) {
    const about = reportAbout(checkpoint, model, trialWarning(checkpoint.directory));
    const { surpriseOf } = memory;
    const [place, input] = [options.out, source.store];
    const report = { place, input, output, job, summary, about, model, decoding, decoder, surpriseOf, signal };
    if (!(await writeReportWithProgress(report, bar))) process.exitCode = stop.exitCode();
  }
  bar.stop();
  process.stderr.write(skipped.report());
  if (summary === undefined) return sayStopped(stop);
  await writeOut(options.json ? `${JSON.stringify(summary)}\n` : jobSummaryText(summary));
}
