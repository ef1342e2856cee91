import { Command, InvalidArgumentError, Option } from 'commander';
import { type PipelineEvent, pipelineEvent, type ResultEvent } from '../../contracts/event.ts';
import { modelId } from '../../contracts/keys.ts';
import { readMessage } from '../../contracts/message-text.ts';
import type { EventTap } from '../../operate/event-tap.ts';
import { openStack, type StackOptions } from '../../operate/open-stack.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Queue } from '../../ports/queue.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { integer } from '../options/number-option.ts';
import { regionOption, stackOption } from '../options/stack-option.ts';
import { onOutputFailure, writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface TailOptions extends StackOptions {
  status?: 'succeeded' | 'failed';
  label?: string[];
  model?: string;
  count?: number;
  json: boolean;
}

/** How often the queue is marked as in use (milliseconds). */
const beatMs = 60_000;

/** Longest wait of a receive call; SQS allows no more (milliseconds). */
const longPollMs = 20_000;

/** Delay between retries without a network (milliseconds). */
const retryMs = 5000;

export function tailCommand(): Command {
  return new Command('tail')
    .description(
      'Shows result events as they arrive, from a temporary queue of its own, so other consumers miss no event. Lines on a terminal, JSON lines in a pipe.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(new Option('--status <status>', 'only events with this status').choices(['succeeded', 'failed']))
    .addOption(new Option('--label <label>', 'only pictures of this class; repeatable').argParser(labels))
    .addOption(new Option('--model <id>', 'only events of this model id').argParser(model))
    .addOption(new Option('-n, --count <n>', 'stop after this many events').argParser(integer({ min: 1 })))
    .option('--json', 'print JSON lines, also on a terminal', false)
    .addHelpText('after', examples('tail', 'tail --status failed', 'tail --label ship --label truck -n 10'))
    .action((options: TailOptions) => tail(options));
}

function labels(text: string, before: string[] = []): string[] {
  // A filter policy has at most 150 values. Source: Amazon SNS Developer Guide, "Filter policy constraints".
  if (text === '' || before.length >= 100) throw new InvalidArgumentError('expected a label, at most 100 times');
  return [...before, text];
}

function model(text: string): string {
  const parsed = modelId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('expected a model id, for instance igpt-nano-753214900b85');
}

async function tail(options: TailOptions): Promise<void> {
  const stack = await openStack(options);
  const [{ createSnsClient, createSqsClient }, { createSqsQueue }, taps, { systemClock: clock }] = await Promise.all([
    import('../../aws/clients.ts'),
    import('../../aws/sqs-queue.ts'),
    import('../../operate/event-tap.ts'),
    import('../../local/system-clock.ts'),
  ]);
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  // The reader may end first, as in `igpt tail | head`. The queue must be deleted even then.
  onOutputFailure(() => stop.abort());
  const sqs = createSqsClient();
  const filter = taps.eventFilter(options);
  const tap = await taps.openEventTap({ sqs, sns: createSnsClient(), stack, clock, filter });
  const beat = setInterval(() => void tap.beat().catch(() => {}), beatMs);
  try {
    process.stderr.write(`igpt: listening to ${stack.name} in ${stack.region}; Ctrl-C ends it\n`);
    const queue = createSqsQueue({ client: sqs, url: tap.url, maxReceiveCount: Number.POSITIVE_INFINITY });
    const isChosen = (event: ResultEvent): boolean => taps.isChosen(event, options);
    await showEvents({ queue, clock, signal: stop.signal, isChosen }, options);
  } finally {
    clearInterval(beat);
    await close(tap);
  }
}

async function close(tap: EventTap): Promise<void> {
  await tap.close().catch((error: unknown) => {
    process.stderr.write(`igpt: ${printable(error instanceof Error ? error.message : String(error))}\n`);
  });
}

interface EventSource {
  queue: Queue;
  clock: Clock;
  signal: AbortSignal;
  isChosen(event: ResultEvent): boolean;
}

/** Prints events until `signal` aborts or `count` events are shown. */
async function showEvents(
  { queue, clock, signal, isChosen }: EventSource,
  { json, count = Number.POSITIVE_INFINITY }: TailOptions,
): Promise<void> {
  const lines = process.stdout.isTTY === true && !json;
  let shown = 0;
  let offline = false;
  while (!signal.aborted && shown < count) {
    const messages = await queue
      .receive({ maxMessages: 10, waitMs: longPollMs, signal })
      .catch(async (error: unknown) => {
        const problem = await unreachable(error);
        if (!offline) process.stderr.write(`igpt: ${printable(problem)}; still trying\n`);
        offline = true;
        await clock.sleep(retryMs, signal);
        return undefined;
      });
    if (messages === undefined) continue;
    offline = false;
    for (const { body } of messages) {
      const event = parseEvent(body);
      if (shown >= count || signal.aborted) break;
      if (event?.type !== 'result' || !isChosen(event)) continue;
      await writeOut(lines ? `${eventLine(event, clock.now())}\n` : `${JSON.stringify(event)}\n`);
      shown++;
    }
    // The last messages are deleted with the queue.
    if (shown < count) await queue.delete(messages.map(({ receipt }) => receipt)).catch(() => {});
  }
}

/** Message of a network failure. Throws every other error. */
async function unreachable(error: unknown): Promise<string> {
  const { commandError } = await import('../../operate/command-error.ts');
  const explained = commandError('read the result events', error);
  if (explained.code !== 'unreachable') throw explained;
  return explained.message;
}

/** Undefined for a message of another publisher on the topic. */
function parseEvent(body: string): PipelineEvent | undefined {
  try {
    return readMessage(body, pipelineEvent, 'a result event');
  } catch (error) {
    process.stderr.write(
      `igpt: ignored a message: ${printable(error instanceof Error ? error.message : String(error))}\n`,
    );
    return undefined;
  }
}

/** An event as a line of text: `20:15:03  ship 52.9 %   space/rocket.jpg`. */
export function eventLine(event: ResultEvent, at: Date): string {
  const time = at.toTimeString().slice(0, 8);
  return printable(`${time}  ${resultText(event).padEnd(24)}  ${event.key}`);
}

function resultText(event: ResultEvent): string {
  if (event.status === 'failed') return `failed: ${event.error.code}`;
  const { label, probability } = event;
  if (label === null) return 'succeeded';
  return probability === null ? label : `${label} ${(100 * probability).toFixed(1)} %`;
}
