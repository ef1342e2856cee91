import { join } from 'node:path';
import { Command } from 'commander';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import type { PipelineEvent } from '../../contracts/event.ts';
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
import { serveReport } from '../../report/serve-report.ts';
import { rememberSurprise } from '../../report/surprise-map.ts';
import { openModel, preprocessingOf } from '../../runtime/model.ts';
import { disposable } from '../disposable.ts';
import { interruptExitCode, onFirstInterrupt, stopOnInterrupt } from '../interrupt.ts';
import { examples, sameCommand, samplePictures } from '../invocation.ts';
import { sayDevice } from '../options/compute-options.ts';
import {
  addDecodeOptions,
  type DecodeOptions,
  decodingConcurrency,
  maxPictureBytes,
  openPictureDecoder,
} from '../options/decode-option.ts';
import { modelDirectory, trialWarning } from '../options/model-option.ts';
import {
  addModelOptions,
  type ModelOptions,
  openModelOptions,
  refuseMeaninglessModelOptions,
} from '../options/prediction-options.ts';
import {
  addReportOptions,
  addServeOption,
  REPORT_NAME,
  type ReportOptions,
  reportPath,
  type ServeOptions,
} from '../options/report-options.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { runNote, runReport, stallWords, unfinishedWords } from '../terminal/run-summary.ts';
import { onOutputFailure } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles, reportOnce } from '../terminal/trouble.ts';

/** Messages of a queue; the tokens of 8 pictures are about 10 KB. */
const QUEUE_CAPACITY = 64;

interface RunOptions extends DecodeOptions, ModelOptions, ReportOptions, ServeOptions {
  out: string;
  watch: boolean;
  retryFailed: boolean;
  verify: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .summary('a directory of pictures in, one outcome for each picture out')
    .description(
      'Runs the whole pipeline over a directory: for each picture OUT/results/<model id>/<relative path>.json says what the model saw, or why it failed. Started again, it does only what is missing. At the end OUT/report.html shows all that there is.',
    )
    .argument(
      '<dir>',
      'directory of pictures, read with its subdirectories; dotfiles and links that leave it are ignored',
    )
    .option('--out <out>', 'directory of the outcomes, not inside <dir>', './igpt-out')
    .option('--watch', 'go on, and take new and changed pictures, until Ctrl-C', false)
    .option('--retry-failed', 'try again the pictures that failed before', false)
    .option(
      '--verify',
      'read every outcome to see whether it is of the picture as it is now, instead of comparing times',
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
        'Standard output: one JSON event a line for each new outcome, a summary last. Words and tables go to standard error.',
        'Ctrl-C finishes what is in flight and says how to go on; a second one ends at once. Exit codes: 0 done (pictures may',
        'have failed), 1 could not run, or could not store every outcome or the report, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
      ].join('\n'),
    )
    .action((dir: string, options: RunOptions) => run(dir, options));
}

async function run(dir: string, options: RunOptions): Promise<void> {
  refuseMeaninglessModelOptions(options);
  const directories = await checkDirectoryPair(dir, options.out);
  const report = await reportPath(options, directories);
  const checkpoint = await openCheckpoint(modelDirectory(options.model));
  using bar = progressBar('pictures');
  bar.update(0, undefined, 'opening the model');
  // First, because its child process can start while the model opens.
  await using decoder = openPictureDecoder(preprocessingOf(checkpoint), options);
  await using model = disposable(await openModel(checkpoint, openModelOptions(options)));
  const watching = options.watch || options.serve !== undefined;
  const memory = report === undefined && options.serve === undefined ? undefined : rememberSurprise(model);
  await sayDevice(options.provider, options.precision, bar.say);
  const skipped = createSkippedFiles();
  const input = await openInputDirectory(directories.input, { onSkipped: skipped.add });
  const output = await openOutputDirectory(directories.output);
  using stop = stopOnInterrupt(bar.say);
  const lines = createNdjsonEventSink<PipelineEvent>(process.stdout, { onClosed: () => stop.abort() });
  const events: EventSink<PipelineEvent> = { publish: (batch) => bar.around(() => lines.publish(batch)) };
  onOutputFailure(({ code }) => {
    const why = code === 'EPIPE' ? 'nobody reads standard output any more' : `standard output failed (${code})`;
    bar.say(`igpt: ${why}; finishing what is in flight`);
  });
  bar.say(
    `${model.id}: ${model.outputs.join(', ')}; outcomes go to ${printable(join(options.out, 'results', model.id))}`,
  );
  const about = reportAbout(checkpoint, model, trialWarning(checkpoint.directory));
  const earlier = new Map(report === undefined ? [] : await viewsOfReport(report, model.id));
  const onError = reportOnce(bar);
  await using looks =
    memory && openPictureViews({ input, model, decode: options, decoder, surpriseOf: memory.surpriseOf, earlier });
  await using served =
    looks === undefined || options.serve === undefined
      ? undefined
      : await serveReport({
          ...{ port: options.serve, directory: directories.input, dropsTo: join(dir, dropFolder) },
          ...{ input, output, about, events, onError, lookAt: looks.lookAt },
          concurrency: decodingConcurrency(options),
          maxBytes: maxPictureBytes(options),
        });
  if (watching) bar.say(`watching ${printable(dir)} for new and changed pictures; Ctrl-C stops`);
  if (served !== undefined) {
    bar.say(`live report: ${served.url} (pictures dropped there go to ${printable(join(dir, dropFolder))})`);
  }

  const queue = { clock: systemClock, capacity: QUEUE_CAPACITY };
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
    maxPictureBytes: maxPictureBytes(options),
    decoding: decodingConcurrency(options),
    predicting: model.concurrency,
    ...(watching ? { changes: watchDirectory(directories.input, { clock: systemClock, signal: stop.signal }) } : {}),
    ...(served === undefined ? {} : { urgent: served.dropped }),
    signal: stop.signal,
    onProgress(progress) {
      served?.onProgress(progress);
      const { succeeded, failed, skipped, total } = progress;
      bar.update(succeeded + failed + skipped, total, runNote(progress));
    },
    onStall: (stall) => bar.say(`igpt: ${stallWords(stall)}`),
    onError,
  }).finally(() => {
    // Whatever ends the run also ends the watch.
    stop.abort();
  });
  const seconds = (performance.now() - started) / 1000;
  const unfinished = unfinishedWords(result.unfinished);
  // Whoever interrupts a single pass wants it to end; whoever ends a watch is done, and wants to see.
  await served?.end();
  if (report !== undefined && looks !== undefined && (watching || !result.interrupted)) {
    const enough = new AbortController();
    using _ = onFirstInterrupt((signal) => {
      process.exitCode = interruptExitCode(signal);
      enough.abort();
    });
    for (const [name, look] of served?.looks() ?? []) earlier.set(name, look);
    const concurrency = decodingConcurrency(options);
    const shown = printable(options.report || join(options.out, REPORT_NAME));
    try {
      const written = await writeReport({
        ...{ path: report, about: { ...about, made: new Date() } },
        rows: reportRows({ input, output, model: model.id, concurrency, lookAt: looks.lookAt }),
        onProgress: (done, most) => bar.update(done, Math.min(most, result.seen), 'writing the report'),
        signal: enough.signal,
      });
      bar.say(
        written ? `report: ${shown}` : `igpt: interrupted; ${shown} is as it was before, and outcomes are all stored`,
      );
    } catch (error) {
      // A page that cannot be kept takes nothing from the run, which has its say below.
      if (!(error instanceof ImageGptError)) throw error;
      bar.say(`igpt: ${error.message}${unfinished === undefined ? '; the outcomes are stored' : ''}`);
      process.exitCode ??= 1;
    }
  }
  bar.stop();

  process.stderr.write(`\n${runReport(result, seconds)}${skipped.report()}`);
  if (result.seen === 0 && !result.interrupted) {
    process.stderr.write(`${printable(dir)} holds no files to read; dotfiles and links that leave it are ignored\n`);
  }
  if (unfinished !== undefined) {
    process.stderr.write(`\n${unfinished}\n`);
    process.exitCode = 1;
  }
  if (result.interrupted) {
    process.stderr.write(`\nStopped before the end. To go on: ${sameCommand()}\n`);
    process.exitCode = stop.exitCode();
  }
}
