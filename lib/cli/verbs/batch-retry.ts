import { Command, InvalidArgumentError, Option } from 'commander';
import { type RowErrorCode, rowErrorCode } from '../../contracts/job.ts';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { jobDecoding, openJobModel } from '../../jobs/job-model.ts';
import { openStore } from '../../jobs/job-source.ts';
import { openJob } from '../../jobs/open-job.ts';
import { parquetShards } from '../../jobs/parquet/shard-file.ts';
import { retryJob } from '../../jobs/retry-job.ts';
import { systemClock } from '../../local/system-clock.ts';
import { UsageError } from '../../ports/error.ts';
import { reportAbout } from '../../report/about-model.ts';
import { rememberSurprise } from '../../report/surprise-map.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { workersOption } from '../options/compute-options.ts';
import { addDecoderOptions, type DecoderOptions } from '../options/decode-option.ts';
import { modelOption, openNamedCheckpoint, trialWarning } from '../options/model-option.ts';
import { addJobReportOption } from '../options/report-options.ts';
import { jobSummaryText, sayStopped, writeReportWithProgress } from '../terminal/job-progress.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { reportOnce } from '../terminal/trouble.ts';

interface BatchRetryOptions extends DecoderOptions {
  failed: boolean;
  codes?: RowErrorCode[];
  model: string;
  workers: number;
  report: boolean;
  json: boolean;
}

export function batchRetryCommand(): Command {
  const command = new Command('retry')
    .summary('retries the failed pictures of a job')
    .description(
      'Retries the failed pictures of a finished job with their current content and the options of the job. Their shards are replaced.',
    )
    .argument('<dst>', 'directory or s3://bucket/prefix of a job')
    .option('--failed', 'retry all failed pictures', false)
    .addOption(new Option('--codes <list>', 'retry only these error codes, separated by commas').argParser(codes))
    .addOption(modelOption())
    .addOption(workersOption())
    .option('--json', 'print the summary as JSON', false);
  return addDecoderOptions(addJobReportOption(command))
    .addHelpText('after', examples('batch retry shards --failed', 'batch retry shards --codes decode_timeout'))
    .addHelpText('after', '\nExit codes: 0 done, 1 stopped, 2 wrong command line, 130 or 143 interrupted.')
    .action((place: string, options: BatchRetryOptions) => batchRetry(place, options));
}

async function batchRetry(place: string, options: BatchRetryOptions): Promise<void> {
  if (options.failed === (options.codes !== undefined)) {
    throw new UsageError('batch retry: expected either --failed (all failed pictures) or --codes (only these codes)');
  }
  const { output, job } = await openJob(place);
  const input = await openStore(job.settings.store);
  const { decoders: size, decodeTimeout } = options;
  const decoding = { ...jobDecoding(job.settings), size, timeoutMs: decodeTimeout * 1000 };
  using bar = progressBar('pictures');
  const checkpoint = await openNamedCheckpoint(options.model);
  await using model = await openJobModel(checkpoint, job.settings, options);
  await using decoder = openDecoder(model.preprocessing, decoding);
  const memory = rememberSurprise(model);
  using stop = stopOnInterrupt(bar.say);
  const { summary, pictures, succeeded } = await retryJob({
    input,
    output,
    job,
    decoder,
    model: memory.model,
    format: parquetShards,
    clock: systemClock,
    codes: options.codes && new Set(options.codes),
    maxPictureBytes: decoding.maxBytes,
    decoding: decodingConcurrency(decoding),
    predicting: model.concurrency,
    signal: stop.signal,
    onProgress: ({ done, failed }) => bar.update(done, undefined, failed > 0 ? `${failed} failed again` : undefined),
    onError: reportOnce(bar),
  });
  if (options.report && summary !== undefined) {
    const about = reportAbout(checkpoint, model, trialWarning(checkpoint.directory));
    const { surpriseOf } = memory;
    const { signal } = stop;
    const report = { place, input, output, job, summary, about, model, decoding, decoder, surpriseOf, signal };
    if (!(await writeReportWithProgress(report, bar))) process.exitCode = stop.exitCode();
  }
  bar.stop();
  process.stderr.write(`${pictures} retried, ${succeeded} of them succeeded\n`);
  if (summary === undefined) {
    sayStopped(stop);
    return;
  }
  await writeOut(options.json ? `${JSON.stringify(summary)}\n` : jobSummaryText(summary));
}

function codes(text: string): RowErrorCode[] {
  return text.split(',').map((code) => {
    const known = rowErrorCode.safeParse(code.trim());
    if (known.success) return known.data;
    throw new InvalidArgumentError(`expected codes out of ${rowErrorCode.options.join(', ')}, received '${code}'`);
  });
}
