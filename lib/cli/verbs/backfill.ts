import { Command, Option } from 'commander';
import { maxReceiveCount } from '../../contracts/delivery.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import type { DeployedStack } from '../../operate/deployed-stack.ts';
import { openStack, type StackOptions } from '../../operate/open-stack.ts';
import { mostPicturesPerMessage } from '../../operate/stack-queues.ts';
import { type BackfillResult, type BackfillTotals, sendBackfill } from '../../pipeline/send-backfill.ts';
import { UsageError } from '../../ports/error.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Queue } from '../../ports/queue.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { examples, sameCommand } from '../invocation.ts';
import { integer } from '../options/number-option.ts';
import { regionOption, stackOption } from '../options/stack-option.ts';
import { duration, progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface BackfillOptions extends StackOptions {
  prefix: string;
  dryRun: boolean;
  retryFailed: boolean;
  prune: boolean;
  force: boolean;
  verify: boolean;
  maxWaiting: number;
  json: boolean;
}

export function backfillCommand(): Command {
  return new Command('backfill')
    .description(
      'Compares the listings of both buckets of a deployed stack, and sends every picture without a current outcome of the deployed model. Use it after you deploy another model, for pictures older than the stack, and after messages were lost. It uses a queue of its own, so it does not delay live uploads.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .option('--prefix <prefix>', 'only pictures whose keys start with this', '')
    .option('--dry-run', 'only count; send and delete nothing', false)
    .option('--retry-failed', 'also send pictures with a failed outcome; reads every outcome', false)
    .option(
      '--verify',
      'read every outcome to find those that are damaged or belong to another version of the picture',
      false,
    )
    .option('--prune', 'delete outcomes whose pictures are gone', false)
    .option('--force', 'let --prune delete every outcome if there are no pictures at all', false)
    .addOption(
      new Option('--max-waiting <pictures>', 'pause while more than this many pictures wait in the queues')
        // Two preprocess functions, the default, need 20 minutes for 100,000. SQS drops messages after seven days.
        .default(100_000)
        .argParser(integer({ min: 1, max: 100_000_000 })),
    )
    .option('--json', 'print the summary as one JSON object', false)
    .addHelpText(
      'after',
      examples('backfill --stack ImageGpt --dry-run', 'backfill --stack ImageGpt --prefix 2026/ --retry-failed'),
    )
    .addHelpText(
      'after',
      [
        '',
        'Run it when the queues are empty (igpt status): a picture in a queue has no outcome yet, so it is sent and computed twice.',
        'Ctrl-C finishes the work in flight; a second run resumes.',
        'Exit codes: 0 done, 1 failed, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
      ].join('\n'),
    )
    .action((options: BackfillOptions) => backfill(options));
}

async function backfill(options: BackfillOptions): Promise<void> {
  if (options.force && !options.prune) throw new UsageError('--force goes with --prune; omit it, or add --prune');
  const stack = await openStack(options);
  const ports = await openPorts(stack);
  const { modelId, inputBucket } = stack.outputs;
  using bar = progressBar('pictures seen');
  using stop = stopOnInterrupt(bar.say);
  const place = options.prefix === '' ? inputBucket : `${inputBucket}/${options.prefix}`;
  bar.say(
    `${printable(place)}: pictures without a current outcome of ${modelId}${options.dryRun ? '; only counting' : ''}`,
  );
  const started = performance.now();
  const result = await sendBackfill({
    ...options,
    ...ports,
    clock,
    model: modelId,
    signal: stop.signal,
    onProgress: (totals) => bar.update(totals.seen, undefined, note(totals)),
    onPause: (waiting) =>
      bar.say(
        `igpt: ${waiting.toLocaleString('en')} pictures wait in the queues, more than ${options.maxWaiting.toLocaleString('en')} (--max-waiting): pausing until fewer wait`,
      ),
    onResume: () => bar.say('igpt: resuming'),
  }).catch(async (error: unknown) => {
    const { commandError } = await import('../../operate/command-error.ts');
    throw commandError(`compare the buckets of the stack ${options.stack}`, error);
  });
  bar.stop();

  if (options.json) await writeOut(`${JSON.stringify(asJson(stack, options, result))}\n`);
  else await writeOut(report(result, options, (performance.now() - started) / 1000));
  if (result.interrupted) {
    process.stderr.write(`\nStopped before the end. To resume: ${sameCommand()}\n`);
    process.exitCode = stop.exitCode();
  }
}

interface Ports {
  input: ObjectStore;
  output: ObjectStore;
  queue: Queue;
  /** Number of pictures in the queues. */
  waiting: () => Promise<number>;
}

/** Loads the AWS SDK. */
async function openPorts({ outputs }: DeployedStack): Promise<Ports> {
  const [{ createS3Client, createSqsClient }, { createS3Store }, { createSqsQueue }, { readQueueCounts }, retrying] =
    await Promise.all([
      import('../../aws/clients.ts'),
      import('../../aws/s3-store.ts'),
      import('../../aws/sqs-queue.ts'),
      import('../../operate/queue-counts.ts'),
      import('../../aws/retrying-ports.ts'),
    ]);
  const [s3, sqs] = [createS3Client(), createSqsClient()];
  const bucket = (name: string) => retrying.retryingStore(createS3Store({ client: s3, bucket: name, clock }), clock);
  return {
    input: bucket(outputs.inputBucket),
    output: bucket(outputs.outputBucket),
    queue: retrying.retryingQueue(
      createSqsQueue({ client: sqs, url: outputs.backfillQueueUrl, maxReceiveCount }),
      clock,
    ),
    async waiting() {
      const urls = [outputs.backfillQueueUrl, outputs.tokensQueueUrl];
      const [references, tokens] = await Promise.all(urls.map((url) => readQueueCounts(sqs, url)));
      return (references?.waiting ?? 0) + mostPicturesPerMessage(outputs) * (tokens?.waiting ?? 0);
    },
  };
}

function note({ sent, current, failed, orphans, pruned }: BackfillTotals): string {
  const parts = [
    `${sent.toLocaleString('en')} sent`,
    `${current.toLocaleString('en')} current`,
    ...(failed > 0 ? [`${failed.toLocaleString('en')} failed`] : []),
    ...(orphans > 0 ? [`${pruned.toLocaleString('en')} of ${orphans.toLocaleString('en')} outcomes deleted`] : []),
  ];
  return parts.join(', ');
}

function report(
  result: BackfillResult,
  { dryRun, prune, verify, retryFailed }: BackfillOptions,
  seconds: number,
): string {
  const outcomesRead = verify || retryFailed;
  const cells = [
    ['seen', result.seen],
    ['current', result.current],
    ['missing', result.missing],
    ['stale', result.stale],
    ...(outcomesRead || result.damaged > 0 ? [['damaged', result.damaged] as const] : []),
    ...(retryFailed ? [['failed before', result.retried] as const] : []),
    ...(verify ? [['current but failed', result.failed] as const] : []),
    [dryRun ? 'to send' : 'sent', dryRun ? unsent(result) : result.sent],
    ...(prune ? [[dryRun ? 'to delete' : 'deleted', dryRun ? result.orphans : result.pruned] as const] : []),
  ] as const;
  return table(
    [...cells.map(([title]) => ({ title, align: 'right' as const })), { title: 'time', align: 'right' }],
    [[...cells.map(([, count]) => count.toLocaleString('en')), duration(seconds)]],
  );
}

function unsent({ missing, stale, damaged, retried }: BackfillTotals): number {
  return missing + stale + damaged + retried;
}

function asJson({ name, region, outputs }: DeployedStack, { prefix, dryRun }: BackfillOptions, result: BackfillResult) {
  const { interrupted, ...totals } = result;
  return { stack: name, region, model: outputs.modelId, prefix, dry_run: dryRun, ...totals, interrupted };
}
