import { Command, Option } from 'commander';
import { maxReceiveCount } from '../../contracts/limits.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { type DeployedStack, openStack } from '../../operate/deployed-stack.ts';
import { type BackfillResult, type BackfillTotals, sendBackfill } from '../../pipeline/send-backfill.ts';
import { UsageError } from '../../ports/error.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Queue } from '../../ports/queue.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { examples, sameCommand } from '../invocation.ts';
import { integer } from '../options/number-option.ts';
import { regionOption, type StackOptions, stackOption } from '../options/stack-option.ts';
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

/** Pictures in a tokens message, at most. */
const tokensFill = 100;

export function backfillCommand(): Command {
  return new Command('backfill')
    .summary('send what has no current outcome through a deployed stack')
    .description(
      'Compares the listings of a deployed stack’s buckets and sends every picture without a current outcome of the deployed model to the stack’s backfill queue: after deploying another model, for pictures that were there before, after messages were lost. Live uploads are not delayed.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .option('--prefix <prefix>', 'only pictures whose keys begin with this', '')
    .option('--dry-run', 'only count: send and delete nothing', false)
    .option('--retry-failed', 'send pictures with a failed outcome too; reads every outcome', false)
    .option('--verify', 'read every outcome, to find damaged ones and those of another version of the picture', false)
    .option('--prune', 'delete outcomes whose pictures are gone', false)
    .option('--force', 'let --prune delete every outcome when there are no pictures at all', false)
    .addOption(
      new Option('--max-waiting <pictures>', 'pause while more pictures than this wait in the stack’s queues')
        // 20 minutes' work of the default two functions; messages are lost after seven days.
        .default(100_000)
        .argParser(integer({ min: 1, max: 100_000_000 })),
    )
    .option('--json', 'the summary as one JSON object', false)
    .addHelpText(
      'after',
      examples('backfill --stack ImageGpt --dry-run', 'backfill --stack ImageGpt --prefix 2026/ --retry-failed'),
    )
    .addHelpText(
      'after',
      [
        '',
        'Pictures that are on their way already have no outcome yet and are sent again, which does no harm but costs their work:',
        'run it when the queues are empty (igpt status). Ctrl-C finishes what is in flight; run again, it goes on. Exit codes:',
        '0 done, 1 failed, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
      ].join('\n'),
    )
    .action((options: BackfillOptions) => run(options));
}

async function run(options: BackfillOptions): Promise<void> {
  if (options.force && !options.prune) throw new UsageError('--force goes with --prune; leave it out, or add --prune');
  const deployed = await openStack(options);
  const ports = await openPorts(deployed);
  const { modelId, inputBucket } = deployed.outputs;
  using bar = progressBar('pictures seen');
  using stop = stopOnInterrupt(bar.say);
  bar.say(
    `${printable(options.prefix === '' ? inputBucket : `${inputBucket}/${options.prefix}`)}: pictures without a current outcome of ${modelId}${options.dryRun ? '; only counting' : ''}`,
  );
  const started = performance.now();
  const result = await sendBackfill({
    ...options,
    ...{ input: ports.input, output: ports.output, queue: ports.queue, waiting: ports.waiting },
    ...{ clock, model: modelId, signal: stop.signal },
    onProgress: (totals) => bar.update(totals.seen, undefined, note(totals)),
    onPause: (waiting) =>
      bar.say(
        `igpt: ${waiting.toLocaleString('en')} pictures wait in the queues, more than ${options.maxWaiting.toLocaleString('en')} (--max-waiting): pausing until it is fewer`,
      ),
    onResume: () => bar.say('igpt: going on'),
  }).catch(async (error: unknown) => {
    throw await explained(error, `compare the buckets of the stack ${options.stack}`);
  });
  bar.stop();

  if (options.json) await writeOut(`${JSON.stringify(asJson(deployed, options, result))}\n`);
  else await writeOut(report(result, options, (performance.now() - started) / 1000));
  if (result.interrupted) {
    process.stderr.write(`\nStopped before the end. To go on: ${sameCommand()}\n`);
    process.exitCode = stop.exitCode();
  }
}

interface Ports {
  input: ObjectStore;
  output: ObjectStore;
  queue: Queue;
  waiting: () => Promise<number>;
}

/** The SDK is loaded here, so that other verbs start without it. */
async function openPorts({ outputs }: DeployedStack): Promise<Ports> {
  const [{ createS3Client, createSqsClient }, { createS3Store }, { createSqsQueue }, { readQueueCounts }, patient] =
    await Promise.all([
      import('../../aws/clients.ts'),
      import('../../aws/s3-store.ts'),
      import('../../aws/sqs-queue.ts'),
      import('../../operate/stack-queues.ts'),
      import('../../aws/retrying-ports.ts'),
    ]);
  const [s3, sqs] = [createS3Client(), createSqsClient()];
  const bucket = (name: string) => patient.retryingStore(createS3Store({ client: s3, bucket: name, clock }), clock);
  return {
    input: bucket(outputs.inputBucket),
    output: bucket(outputs.outputBucket),
    queue: patient.retryingQueue(
      createSqsQueue({ client: sqs, url: outputs.backfillQueueUrl, maxReceiveCount }),
      clock,
    ),
    async waiting() {
      const urls = [outputs.backfillQueueUrl, outputs.tokensQueueUrl];
      const [references, tokens] = await Promise.all(urls.map((url) => readQueueCounts(sqs, url)));
      return (references?.waiting ?? 0) + tokensFill * (tokens?.waiting ?? 0);
    },
  };
}

async function explained(error: unknown, action: string): Promise<unknown> {
  const { commandError } = await import('../../operate/operator-error.ts');
  return commandError(action, error);
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
  const read = verify || retryFailed;
  const cells = [
    ['seen', result.seen],
    ['current', result.current],
    ['missing', result.missing],
    ['stale', result.stale],
    ...(read || result.damaged > 0 ? [['damaged', result.damaged] as const] : []),
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
