import { join } from 'node:path';
import { Command } from 'commander';
import { withInput } from '../../checkpoint/class-input.ts';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import type { PipelineEvent } from '../../contracts/event.ts';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { checkDirectoryPair } from '../../local/directory-pair.ts';
import { watchDirectory } from '../../local/directory-watch.ts';
import { dropFolder } from '../../local/drop-folder.ts';
import { openInputDirectory } from '../../local/input-directory.ts';
import { createMemoryQueue } from '../../local/memory-queue.ts';
import { createNdjsonEventSink } from '../../local/ndjson-event-sink.ts';
import { openOutputDirectory } from '../../local/output-directory.ts';
import { systemClock } from '../../local/system-clock.ts';
import { runPipeline } from '../../pipeline/run-pipeline.ts';
import { ImageGptError } from '../../ports/error.ts';
import type { EventSink } from '../../ports/queue.ts';
import { reportAbout } from '../../report/about-model.ts';
import { reportRows } from '../../report/outcome-rows.ts';
import { openPictureViews } from '../../report/picture-views.ts';
import { viewsOfReport } from '../../report/read-report.ts';
import { writeReport } from '../../report/report-page.ts';
import type { ReportAbout, ReportRow } from '../../report/report-row.ts';
import { serveReport } from '../../report/serve-report.ts';
import { rememberSurprise } from '../../report/surprise-map.ts';
import { openModel } from '../../runtime/model.ts';
import { interruptExitCode, onFirstInterrupt, stopOnInterrupt } from '../interrupt.ts';
import { examples, sameCommand, samplePictures } from '../invocation.ts';
import { sayDevice } from '../options/compute-options.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { openNamedCheckpoint, trialWarning } from '../options/model-option.ts';
import {
  addModelOptions,
  type ModelOptions,
  openModelOptions,
  refuseMeaninglessModelOptions,
} from '../options/prediction-options.ts';
import {
  addReportOptions,
  addServeOption,
  type ReportOptions,
  reportName,
  reportPath,
  type ServeOptions,
} from '../options/report-options.ts';
import { type ProgressBar, progressBar } from '../terminal/progress-bar.ts';
import { runNote, runReport, stallText, unfinishedText } from '../terminal/run-summary.ts';
import { onOutputFailure } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles, reportOnce } from '../terminal/trouble.ts';

/** Messages that a queue holds. A message with the tokens of 8 pictures has about 10 KB. */
const queueCapacity = 64;

interface RunOptions extends DecodeOptions, ModelOptions, ReportOptions, ServeOptions {
  out: string;
  watch: boolean;
  retryFailed: boolean;
  verify: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description(
      'Runs the whole pipeline over a directory. For each picture, OUT/results/<model id>/<relative path>.json holds the predictions or the error. If it is run again, it makes only missing outcomes. At the end, OUT/report.html shows all outcomes.',
    )
    .argument('<dir>', 'directory of pictures, with its subdirectories; dotfiles and links that leave it are ignored')
    .option('--out <out>', 'directory of the outcomes, not inside <dir>', './igpt-out')
    .option('--watch', 'keep running and process new and changed pictures, until Ctrl-C', false)
    .option('--retry-failed', 'retry the pictures that failed before', false)
    .option(
      '--verify',
      'read every outcome and compare it with its picture, instead of comparing modification times',
      false,
    );
  return addDecodeOptions(addModelOptions(addReportOptions(addServeOption(command))))
    .addHelpText(
      'after',
      examples(
        `run ${samplePictures()}`,
        'run ~/Pictures --out ~/outcomes --outputs features,likelihood',
        'run ~/Pictures --serve',
      ),
    )
    .addHelpText(
      'after',
      [
        '',
        'Standard output: one JSON event per line for each new outcome, and a summary at the end. Text for people goes to standard error.',
        'Ctrl-C finishes the pictures in flight and prints how to resume; a second Ctrl-C ends at once. Exit codes: 0 done (pictures may',
        'have failed), 1 could not run, or could not store every outcome or the report, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
      ].join('\n'),
    )
    .action((dir: string, options: RunOptions) => run(dir, options));
}

async function run(dir: string, options: RunOptions): Promise<void> {
  refuseMeaninglessModelOptions(options);
  const directories = await checkDirectoryPair(dir, options.out);
  const report = await reportPath(options, directories);
  const checkpoint = withInput(await openNamedCheckpoint(options.model), options.input);
  using bar = progressBar('pictures');
  bar.update(0, undefined, 'opening the model');
  const decoding = decodingSettings(options);
  // Before the model, so that the decoder's child process starts while the model opens.
  await using decoder = openDecoder(requirePreprocessing(checkpoint.directory, checkpoint.preprocessing), decoding);
  await using model = await openModel(checkpoint, openModelOptions(options));
  const watching = options.watch || options.serve !== undefined;
  const memory = report === undefined && options.serve === undefined ? undefined : rememberSurprise(model);
  await sayDevice(options.provider, options.precision, bar.say);
  using skipped = createSkippedFiles();
  const input = await openInputDirectory(directories.input, { onSkipped: skipped.add });
  const output = await openOutputDirectory(directories.output);
  using stop = stopOnInterrupt(bar.say);
  const lines = createNdjsonEventSink<PipelineEvent>(process.stdout, { onClosed: () => stop.abort() });
  const events: EventSink<PipelineEvent> = { publish: (published) => bar.hideWhile(() => lines.publish(published)) };
  onOutputFailure(({ code }) => {
    const why = code === 'EPIPE' ? 'nobody reads standard output any more' : `standard output failed (${code})`;
    bar.say(`igpt: ${why}; finishing the pictures in flight`);
  });
  bar.say(
    `${model.id}: ${model.outputs.join(', ')}; outcomes go to ${printable(join(options.out, 'results', model.id))}`,
  );
  const about = reportAbout(checkpoint, model, trialWarning(checkpoint.directory));
  const earlier = new Map(report === undefined ? [] : await viewsOfReport(report, model.id));
  const onError = reportOnce(bar);
  await using views =
    memory && openPictureViews({ input, model, decoding, decoder, surpriseOf: memory.surpriseOf, earlier });
  await using served =
    views === undefined || options.serve === undefined
      ? undefined
      : await serveReport({
          port: options.serve,
          directory: directories.input,
          dropFolder: join(dir, dropFolder),
          input,
          output,
          about,
          events,
          onError,
          viewsOf: views.viewsOf,
          concurrency: decodingConcurrency(decoding),
          maxBytes: decoding.maxBytes,
        });
  if (watching) bar.say(`watching ${printable(dir)} for new and changed pictures; Ctrl-C stops`);
  if (served !== undefined) {
    bar.say(`live report: ${served.url} (pictures dropped there go to ${printable(join(dir, dropFolder))})`);
  }

  const queue = { clock: systemClock, capacity: queueCapacity };
  const started = performance.now();
  const result = await runPipeline({
    input,
    output,
    uploads: createMemoryQueue(queue),
    tokens: createMemoryQueue(queue),
    events: served?.events ?? events,
    decoder,
    model: memory?.model ?? model,
    preprocessing: preprocessingHash(model.preprocessing, options.scaledDecoding),
    clock: systemClock,
    retryFailed: options.retryFailed,
    verify: options.verify,
    maxPictureBytes: decoding.maxBytes,
    decoding: decodingConcurrency(decoding),
    predicting: model.concurrency,
    changes: watching ? watchDirectory(directories.input, { clock: systemClock, signal: stop.signal }) : undefined,
    urgent: served?.dropped,
    signal: stop.signal,
    onProgress(progress) {
      served?.onProgress(progress);
      const { succeeded, failed, skipped, total } = progress;
      bar.update(succeeded + failed + skipped, total, runNote(progress));
    },
    onStall: (stall) => bar.say(`igpt: ${stallText(stall)}`),
    onError,
  }).finally(() => {
    // Stops watching the directory, also when the run fails.
    stop.abort();
  });
  const seconds = (performance.now() - started) / 1000;
  const unfinished = unfinishedText(result.unfinished);
  await served?.end();
  // An interrupted run writes no report, except with --watch or --serve, which usually end by an interrupt.
  if (report !== undefined && views !== undefined && (watching || !result.interrupted)) {
    for (const [key, shown] of served?.views() ?? []) earlier.set(key, shown);
    const rows = reportRows({
      input,
      output,
      model: model.id,
      concurrency: decodingConcurrency(decoding),
      viewsOf: views.viewsOf,
    });
    const name = options.report || join(options.out, reportName);
    try {
      await writeRunReport({ path: report, name, rows, about, pictures: result.seen }, bar);
    } catch (error) {
      // The outcomes are stored, and the summary below still follows.
      if (!(error instanceof ImageGptError)) throw error;
      bar.say(`igpt: ${error.message}${unfinished === undefined ? '; the outcomes are stored' : ''}`);
      process.exitCode ??= 1;
    }
  }
  bar.stop();

  process.stderr.write(`\n${runReport(result, seconds)}${skipped.report()}`);
  if (result.seen === 0 && !result.interrupted) {
    process.stderr.write(`${printable(dir)} contains no files to read; dotfiles and links that leave it are ignored\n`);
  }
  if (unfinished !== undefined) {
    process.stderr.write(`\n${unfinished}\n`);
    process.exitCode = 1;
  }
  if (result.interrupted) {
    process.stderr.write(`\nStopped before the end. To resume: ${sameCommand()}\n`);
    process.exitCode = stop.exitCode();
  }
}

interface RunReport {
  path: string;
  /** Path of the report, as the user knows it. */
  name: string;
  rows: AsyncIterable<ReportRow>;
  about: ReportAbout;
  /** Pictures of the run. */
  pictures: number;
}

/** Writes the report with a progress bar, and says so. An interrupt stops it. */
async function writeRunReport({ path, name, rows, about, pictures }: RunReport, bar: ProgressBar): Promise<void> {
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    process.exitCode = interruptExitCode(signal);
    stop.abort();
  });
  const written = await writeReport({
    path,
    rows,
    about: { ...about, made: new Date() },
    onProgress: (done, total) => bar.update(done, Math.min(total, pictures), 'writing the report'),
    signal: stop.signal,
  });
  const shown = printable(name);
  bar.say(written ? `report: ${shown}` : `igpt: interrupted; ${shown} was not changed, and all outcomes are stored`);
}
