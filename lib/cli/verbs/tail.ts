import { Command, InvalidArgumentError, Option } from 'commander';
import { type PipelineEvent, pipelineEvent, type ResultEvent } from '../../contracts/event.ts';
import { modelId } from '../../contracts/keys.ts';
import { readMessage } from '../../contracts/message-text.ts';
import { openStack } from '../../operate/deployed-stack.ts';
import { type EventTap, eventFilter, isChosen } from '../../operate/event-tap.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Queue } from '../../ports/queue.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { integer } from '../options/number-option.ts';
import { regionOption, type StackOptions, stackOption } from '../options/stack-option.ts';
import { onOutputFailure, writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface TailOptions extends StackOptions {
  status?: 'succeeded' | 'failed';
  label?: string[];
  model?: string;
  count?: number;
  json: boolean;
}

/** How often the queue is marked as listened to, milliseconds. */
const beatMs = 60_000;

/** SQS's longest wait, milliseconds. */
const pollMs = 20_000;

/** Between two tries when the network is away, milliseconds. */
const retryMs = 5000;

export function tailCommand(): Command {
  return new Command('tail')
    .summary('result events of a deployed stack as they come')
    .description(
      'Shows result events as they come, from a queue of its own that is gone when it ends: nobody else misses an event. Lines on a terminal, JSON lines in a pipe.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(new Option('--status <status>', 'only these').choices(['succeeded', 'failed']))
    .addOption(
      new Option('--label <label>', 'only pictures of this class; may be given more than once').argParser(labels),
    )
    .addOption(new Option('--model <id>', 'only events of this model id').argParser(model))
    .addOption(new Option('-n, --count <n>', 'end after so many events').argParser(integer({ min: 1 })))
    .option('--json', 'JSON lines on a terminal too', false)
    .addHelpText('after', examples('tail', 'tail --status failed', 'tail --label ship --label truck -n 10'))
    .action((options: TailOptions) => tail(options));
}

function labels(text: string, before: string[] = []): string[] {
  // Source: Amazon SNS Developer Guide, "Filter policy constraints": 150 values in all.
  if (text === '' || before.length >= 100) throw new InvalidArgumentError('expected a label, at most 100 times');
  return [...before, text];
}

function model(text: string): string {
  const parsed = modelId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('expected a model id, for instance igpt-nano-124872f4c43d');
}

async function tail(options: TailOptions): Promise<void> {
  const stack = await openStack(options);
  const [{ createSnsClient, createSqsClient }, { createSqsQueue }, taps, { systemClock: clock }] = await Promise.all([
    import('../../aws/clients.ts'),
    import('../../aws/sqs-queue.ts'),
    import('../../operate/event-tap.ts'),
    import('../../local/system-clock.ts'),
  ]);
  const about = { sqs: createSqsClient(), sns: createSnsClient(), stack, clock };
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  // `igpt tail | head`: nobody reads on, and the queue still has to go.
  onOutputFailure(() => stop.abort());
  const tap = await taps.openEventTap({ ...about, filter: eventFilter(options) });
  const beat = setInterval(() => void tap.beat().catch(() => {}), beatMs);
  try {
    process.stderr.write(`igpt: listening to ${stack.name} in ${stack.region}; Ctrl-C ends it\n`);
    const queue = createSqsQueue({ client: about.sqs, url: tap.url, maxReceiveCount: Number.POSITIVE_INFINITY });
    await show({ queue, clock, signal: stop.signal }, options);
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

interface Listening {
  queue: Queue;
  clock: Clock;
  signal: AbortSignal;
}

/** Until `signal`, or until there were enough. */
async function show({ queue, clock, signal }: Listening, options: TailOptions): Promise<void> {
  const { json, count = Number.POSITIVE_INFINITY } = options;
  const lines = process.stdout.isTTY === true && !json;
  let shown = 0;
  let away = false;
  while (!signal.aborted && shown < count) {
    const messages = await queue.receive({ maxMessages: 10, waitMs: pollMs, signal }).catch(async (error: unknown) => {
      const said = await unreachable(error);
      if (!away) process.stderr.write(`igpt: ${printable(said)}; still trying\n`);
      away = true;
      await clock.sleep(retryMs, signal);
      return undefined;
    });
    if (messages === undefined) continue;
    away = false;
    for (const { body } of messages) {
      const event = read(body);
      if (shown >= count || signal.aborted) break;
      if (event?.type !== 'result' || !isChosen(event, options)) continue;
      await writeOut(lines ? `${eventLine(event, clock.now())}\n` : `${JSON.stringify(event)}\n`);
      shown++;
    }
    // What is not deleted goes with the queue.
    if (shown < count) await queue.delete(messages.map(({ receipt }) => receipt)).catch(() => {});
  }
}

/** Words for an error that passes; any other is thrown. */
async function unreachable(error: unknown): Promise<string> {
  const { commandError } = await import('../../operate/operator-error.ts');
  const explained = commandError('read the result events', error);
  if (explained.code !== 'unreachable') throw explained;
  return explained.message;
}

/** Anybody with permission can publish on a topic. */
function read(body: string): PipelineEvent | undefined {
  try {
    return readMessage(body, pipelineEvent, 'a result event');
  } catch (error) {
    process.stderr.write(`igpt: left out: ${printable(error instanceof Error ? error.message : String(error))}\n`);
    return undefined;
  }
}

/** One event for people: `20:15:03  ship 52.9 %   space/rocket.jpg`. */
export function eventLine(event: ResultEvent, at: Date): string {
  const time = at.toTimeString().slice(0, 8);
  return printable(`${time}  ${whatCame(event).padEnd(24)}  ${event.key}`);
}

function whatCame(event: ResultEvent): string {
  if (event.status === 'failed') return `failed: ${event.error.code}`;
  const { label, probability } = event;
  if (label === null) return 'succeeded';
  return probability === null ? label : `${label} ${(100 * probability).toFixed(1)} %`;
}
