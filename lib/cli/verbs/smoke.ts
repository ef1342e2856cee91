import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { Command, Option } from 'commander';
import { pipelineEvent } from '../../contracts/event.ts';
import { readMessage } from '../../contracts/message-text.ts';
import { type Outcome, parseOutcome } from '../../contracts/outcome.ts';
import { statPath } from '../../local/stat-path.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { type DeployedStack, openStack } from '../../operate/deployed-stack.ts';
import { deadLetters, diagnose } from '../../operate/smoke-diagnosis.ts';
import type { StackState } from '../../operate/stack-state.ts';
import { outcomeKey } from '../../pipeline/outcome-key.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import type { Queue } from '../../ports/queue.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { examples, samplePicturePath } from '../invocation.ts';
import { number } from '../options/number-option.ts';
import { regionOption, type StackOptions, stackOption } from '../options/stack-option.ts';
import { createStageClock, type Stage, type StageClock } from '../terminal/stage-clock.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

/** For people: time by stage, and what the model said. */
export function smokeReport({ name, outputs }: DeployedStack, outcome: Outcome, stages: readonly Stage[]): string {
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [...stages, { stage: 'all', seconds: total }].map(({ stage, seconds }) => [stage, seconds.toFixed(1)]);
  const came = table([{ title: 'stage' }, { title: 'seconds', align: 'right' }], rows);
  const words = verdict(outcome);
  return words === undefined ? came : `${came}\n${printable(`${name} works: ${words}, says ${outputs.modelId}`)}\n`;
}

/** Undefined for a failed outcome: the error says it. */
function verdict(outcome: Outcome): string | undefined {
  if (outcome.status === 'failed') return undefined;
  const { classification, likelihood } = outcome;
  if (classification !== null) return `${classification.label}, ${(100 * classification.probability).toFixed(1)} %`;
  return likelihood === null ? 'features' : `${likelihood.nats_per_token.toFixed(3)} nats a token`;
}

/** For machines. */
export function smokeJson({ name, region }: DeployedStack, outcome: Outcome, stages: readonly Stage[]) {
  const { key, model, status } = outcome;
  const classification = outcome.status === 'succeeded' ? outcome.classification : null;
  return {
    ...{ stack: name, region, key, model, status },
    label: classification?.label ?? null,
    probability: classification?.probability ?? null,
    error: outcome.status === 'failed' ? outcome.error : null,
    stages,
    seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

interface SmokeOptions extends StackOptions {
  picture?: string;
  timeout: number;
  json: boolean;
}

/** The first GPU instance takes about four minutes, its image and model some more. */
const defaultTimeoutSeconds = 900;

/** Between two looks at the outcome, milliseconds. */
const pollMs = 1000;

/** Between two looks at queues and tasks, milliseconds. */
const stateMs = 5000;

/** An event is told right after its outcome, milliseconds. */
const eventMs = 60_000;

/** The picture did not come through; the message says where it is. */
class SmokeError extends ImageGptError {}

export function smokeCommand(): Command {
  return new Command('smoke')
    .summary('one picture through a deployed stack, end to end')
    .description(
      'Puts one picture into the input bucket of a deployed stack, waits for its outcome and its event, says how long each stage took, and takes everything away again.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .option('--picture <file>', 'picture to send (default: a sample)')
    .addOption(
      new Option('--timeout <seconds>', 'give up after so long')
        .default(defaultTimeoutSeconds)
        .argParser(number({ min: 1 })),
    )
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('smoke', 'smoke --stack ImageGpt --timeout 120'))
    .action((options: SmokeOptions) => smoke(options));
}

async function smoke(options: SmokeOptions): Promise<void> {
  const file = options.picture ?? samplePicturePath('animals/cat.jpg');
  if (statPath(file, `picture ${file}`)?.isFile() !== true) throw new UsageError(`picture ${file}: expected a file`);
  const body = await readFile(file);
  const stack = await openStack(options);
  const stop = new AbortController();
  let endedBy: number | undefined;
  using _ = onFirstInterrupt((signal) => {
    endedBy = interruptExitCode(signal);
    stop.abort();
    process.stderr.write('igpt: taking the picture away again\n');
  });
  using stages = createStageClock();
  const sent = await send(stack, {
    body,
    suffix: extname(file),
    timeoutMs: options.timeout * 1000,
    stages,
    signal: stop.signal,
  });
  stages.stop();
  if (endedBy !== undefined) {
    process.exitCode = endedBy;
    return;
  }
  if (sent === undefined) return;
  const { outcome, key } = sent;
  await writeOut(
    options.json
      ? `${JSON.stringify(smokeJson(stack, outcome, stages.list()))}\n`
      : smokeReport(stack, outcome, stages.list()),
  );
  if (outcome.status === 'failed') {
    throw new SmokeError(
      'smoke_failed',
      `the picture ${key} came through, but failed: ${outcome.error.code}, ${outcome.error.message}`,
    );
  }
}

interface SendOptions {
  body: Uint8Array;
  /** `.jpg` */
  suffix: string;
  timeoutMs: number;
  stages: StageClock;
  signal: AbortSignal;
}

/** Undefined: interrupted. Whatever happens, picture, outcome and queue are taken away. */
async function send(
  stack: DeployedStack,
  options: SendOptions,
): Promise<{ key: string; outcome: Outcome } | undefined> {
  const { body, suffix, stages, signal } = options;
  const [clients, { createStateClients, readStackState }, pictures, taps, { createS3Store }, { createSqsQueue }] =
    await Promise.all([
      import('../../aws/clients.ts'),
      import('../../operate/stack-state.ts'),
      import('../../operate/smoke-picture.ts'),
      import('../../operate/event-tap.ts'),
      import('../../aws/s3-store.ts'),
      import('../../aws/sqs-queue.ts'),
    ]);
  const { inputBucket, outputBucket, modelId } = stack.outputs;
  const [s3, sqs, state] = [clients.createS3Client(), clients.createSqsClient(), createStateClients()];
  const look = (): Promise<StackState> => readStackState(state, stack, clock.now());
  const before = await look();
  if (before.brake.state === 'held' || before.brake.state === 'holding') throw stuck(before, 0, false);

  const key = pictures.smokeKey(clock.now(), suffix);
  const at = outcomeKey(modelId, key);
  const filter = { scope: 'MessageBody', policy: { key: [key] } } as const;
  const tap = await taps.openEventTap({ sqs, sns: clients.createSnsClient(), stack, clock, filter });
  try {
    stages.start('uploading');
    const picture = await pictures.storePicture(s3, inputBucket, key, body);
    stages.done('picture stored', 'waiting for its outcome');
    try {
      const output = createS3Store({ client: s3, bucket: outputBucket, clock });
      const readOutcome = async (): Promise<Outcome | undefined> => {
        const read = await output.get(at);
        return read.status === 'found' ? parseOutcome(read.body) : undefined;
      };
      const queue = createSqsQueue({ client: sqs, url: tap.url, maxReceiveCount: Number.POSITIVE_INFINITY });
      return await wait({
        ...options,
        key,
        before,
        look,
        readOutcome,
        told: () => wasTold(queue, key, signal),
      });
    } finally {
      stages.note('taking the picture away');
      await orSay(pictures.remove(s3, picture));
      await orSay(pictures.findStored(s3, outputBucket, at).then((outcome) => outcome && pictures.remove(s3, outcome)));
    }
  } finally {
    await orSay(tap.close());
  }
}

/** Cleaning up goes on after a failure, and must not hide why the picture did not come through. */
async function orSay(cleaning: Promise<unknown>): Promise<void> {
  await cleaning.catch((error: unknown) => {
    process.stderr.write(`igpt: ${printable(error instanceof Error ? error.message : String(error))}\n`);
  });
}

/** Until a new filter policy holds everywhere, events of other pictures come too. */
async function wasTold(queue: Queue, key: string, signal: AbortSignal): Promise<boolean> {
  const messages = await queue.receive({ maxMessages: 10, waitMs: 2000, signal });
  await queue.delete(messages.map(({ receipt }) => receipt));
  return messages.some(({ body }) => {
    const event = readMessage(body, pipelineEvent, 'a result event');
    return event.type === 'result' && event.key === key;
  });
}

interface WaitOptions extends SendOptions {
  key: string;
  before: StackState;
  look(): Promise<StackState>;
  readOutcome(): Promise<Outcome | undefined>;
  /** Waits for its event, two seconds at most. */
  told(): Promise<boolean>;
}

async function wait(options: WaitOptions): Promise<{ key: string; outcome: Outcome } | undefined> {
  const { key, before, look, readOutcome, told, stages, timeoutMs, signal } = options;
  const deadBefore = deadLetters(before);
  const started = performance.now();
  const running = ({ services }: StackState): number => services.reduce((sum, service) => sum + service.running, 0);
  let lookedAt = Number.NEGATIVE_INFINITY;
  let outcome: Outcome | undefined;
  let taskSeen = running(before) > 0;
  while (outcome === undefined) {
    if (signal.aborted) return undefined;
    outcome = await readOutcome();
    if (outcome !== undefined) break;
    if (performance.now() - started > timeoutMs) throw stuck(await look(), deadBefore, false, timeoutMs);
    if (performance.now() - lookedAt > stateMs) {
      lookedAt = performance.now();
      const state = await look();
      const { at } = diagnose(state, { outcome: false, deadBefore });
      // It does not pass by waiting; anything else may.
      if (at === 'cost_brake') throw stuck(state, deadBefore, false);
      if (!taskSeen && running(state) > 0) {
        taskSeen = true;
        stages.done('a task runs', 'waiting for its outcome');
      }
      stages.note(at.replaceAll('_', ' '));
    }
    await clock.sleep(pollMs, signal);
  }
  stages.done('outcome stored', 'waiting for its event');
  const until = performance.now() + Math.max(eventMs, timeoutMs - (performance.now() - started));
  for (;;) {
    if (await told()) break;
    if (signal.aborted) return undefined;
    if (performance.now() > until) throw stuck(await look(), deadBefore, true, timeoutMs);
  }
  stages.done('event received', '');
  return { key, outcome };
}

function stuck(state: StackState, deadBefore: number, outcome: boolean, timeoutMs?: number): SmokeError {
  const { words } = diagnose(state, { outcome, deadBefore });
  const after = timeoutMs === undefined ? '' : `nothing came within ${Math.round(timeoutMs / 1000)} s; `;
  return new SmokeError('smoke_stuck', printable(`${after}${words}`));
}
