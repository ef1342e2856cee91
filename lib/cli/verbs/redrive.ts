import { Command, Option } from 'commander';
import { ago } from '../../operate/age.ts';
import type { LetterGroup } from '../../operate/judge-dead-letter.ts';
import { openStack, type StackOptions } from '../../operate/open-stack.ts';
import type { QueueRedrive } from '../../operate/redrive.ts';
import { type DeadLetterName, deadLetterNames } from '../../operate/stack-queues.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface RedriveOptions extends StackOptions {
  queue?: DeadLetterName;
  dryRun: boolean;
  json: boolean;
}

export function redriveCommand(): Command {
  return new Command('redrive')
    .summary('list dead-lettered messages with their causes and send them back')
    .description(
      'Lists the messages in the dead-letter queues of a deployed stack with their causes, and moves them back to their queues. Unreadable messages stay and are listed.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(new Option('--queue <name>', 'only the dead-letter queue of this queue').choices(deadLetterNames))
    .option('--dry-run', 'list the messages, but move none', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', examples('redrive --dry-run', 'redrive --stack ImageGpt --queue tokens'))
    .action((options: RedriveOptions) => redrive(options));
}

async function redrive({ queue, dryRun, json, ...options }: RedriveOptions): Promise<void> {
  const stack = await openStack(options);
  const { redriveDeadLetters } = await import('../../operate/redrive.ts');
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  using bar = progressBar('dead letters');
  const { queues, wakeProblem } = await redriveDeadLetters(stack, {
    queues: queue === undefined ? deadLetterNames : [queue],
    dryRun,
    signal: stop.signal,
    onProgress: bar.update,
  });
  bar.stop();
  await writeOut(
    json
      ? `${JSON.stringify(redriveJson(stack.name, queues))}\n`
      : redriveReport(queues, { dryRun, now: new Date(), call: stackCall(stack.name) }),
  );
  if (wakeProblem !== null) process.stderr.write(`igpt: ${printable(wakeProblem)}\n`);
}

interface ReportOptions {
  dryRun: boolean;
  now: Date;
  /** Command line of a verb for this stack. */
  call(verb: string): string;
}

/** For people: the groups of messages with their causes, and what was done. */
export function redriveReport(redrives: readonly QueueRedrive[], options: ReportOptions): string {
  const groups = redrives.flatMap((redrive) => redrive.groups);
  if (groups.length === 0) return `no dead letters of ${redrives.map(({ name }) => name).join(', ')}\n`;
  const lines = [
    ...groups.flatMap((group) => [...groupLines(group, options.now), '']),
    ...summaryLines(redrives, options),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function groupLines(group: LetterGroup, now: Date): string[] {
  const { queue, readable, why, messages, pictures, receives, first, examples } = group;
  const ofPictures = readable ? ` of ${counted(pictures, 'picture')}` : '';
  const received = `received up to ${receives} times, the first sent ${ago(first, now)}`;
  return [
    `dead letters of ${queue}: ${counted(messages, 'message')}${ofPictures}, ${received}`,
    `  ${why}`,
    ...(examples.length === 0 ? [] : [`  for instance ${examples.join(', ')}`]),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function summaryLines(redrives: readonly QueueRedrive[], { dryRun, call }: ReportOptions): string[] {
  const sum = (count: (redrive: QueueRedrive) => number): number =>
    redrives.reduce((total, redrive) => total + count(redrive), 0);
  const moved = sum((redrive) => redrive.moved);
  const readable = sum(({ groups }) => messagesOf(groups, true));
  const unreadable = sum(({ groups }) => messagesOf(groups, false));
  const refused = sum((redrive) => redrive.refused);
  const unfinished = redrives.filter(({ more }) => more);
  return [
    dryRun
      ? `${counted(readable, 'message')} can be moved back: ${call('redrive')}`
      : `${counted(moved, 'message')} moved back`,
    ...(refused > 0 ? [`${counted(refused, 'message')} refused by SQS: run it again`] : []),
    ...(unreadable > 0
      ? [`${counted(unreadable, 'message')} unreadable: left there, until 14 days after the first sending`]
      : []),
    ...unfinished.map(({ name }) => `the dead-letter queue of ${name} holds more messages than were read`),
  ];
}

function messagesOf(groups: readonly LetterGroup[], readable: boolean): number {
  return groups.filter((group) => group.readable === readable).reduce((sum, { messages }) => sum + messages, 0);
}

/** For machines. */
export function redriveJson(stack: string, redrives: readonly QueueRedrive[]) {
  return {
    stack,
    queues: redrives.map(({ name, messages, moved, refused, more, groups }) => ({
      queue: name,
      messages,
      moved,
      stayed: messages - moved,
      refused,
      more,
      groups: groups.map((group) => ({
        readable: group.readable,
        why: group.why,
        messages: group.messages,
        pictures: group.pictures,
        receives: group.receives,
        first_sent: group.first.toISOString(),
        last_sent: group.last.toISOString(),
        examples: group.examples,
      })),
    })),
  };
}

interface RedriveOptions extends StackOptions {
  queue?: DeadLetterName;
  dryRun: boolean;
  json: boolean;
}

/** Without moving, every message that is looked at is held: SQS lets nobody hold more than 120,000. */
const mostLookedAt = 10_000;

export function redriveCommand(): Command {
  return new Command('redrive')
    .description(
      'Says what lies in the dead letters of a deployed stack and why, and moves it back to where it came from. What nobody can read stays there and is named.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(new Option('--queue <name>', 'only the dead letters of this queue').choices(deadLetterNames))
    .option('--dry-run', 'only say what is there', false)
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('redrive --dry-run', 'redrive --stack ImageGpt --queue tokens'))
    .action((options: RedriveOptions) => redrive(options));
}

async function redrive(options: RedriveOptions): Promise<void> {
  const { queue, dryRun, json } = options;
  const stack = await openStack(options);
  const { createSqsClient } = await import('../../aws/clients.ts');
  const { readQueueCounts } = await import('../../operate/stack-queues.ts');
  const sqs = createSqsClient();
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  using bar = progressBar('dead letters');
  const names = queue === undefined ? deadLetterNames : [queue];
  const waiting = await Promise.all(names.map((name) => readQueueCounts(sqs, deadLettersUrl(stack.outputs, name))));
  const total = waiting.reduce((sum, { waiting }) => sum + waiting, 0);
  const looked = names.map(() => 0);
  const redrives = await Promise.all(
    names.map((name, i) => {
      const progress = (messages: number): void => {
        looked[i] = messages;
        const done = looked.reduce((sum, count) => sum + count, 0);
        bar.update(done, Math.max(total, done));
      };
      return redriveQueue(name, { sqs, stack, dryRun, signal: stop.signal, progress });
    }),
  );
  const woken =
    !dryRun && redrives.some(({ name, moved }) => name === 'tokens' && moved > 0) ? await wake(stack) : null;
  bar.stop();
  await writeOut(
    json
      ? `${JSON.stringify(redriveJson(stack.name, redrives))}\n`
      : redriveReport(redrives, { stack: stack.name, dryRun, now: new Date() }),
  );
  if (woken !== null) process.stderr.write(`igpt: ${woken}\n`);
}

interface QueueRedriveOptions {
  sqs: Parameters<typeof import('../../operate/dead-letters.ts').moveBack>[0];
  stack: DeployedStack;
  dryRun: boolean;
  signal: AbortSignal;
  /** Is told how many messages were looked at. */
  progress(messages: number): void;
}

async function redriveQueue(name: DeadLetterName, options: QueueRedriveOptions): Promise<QueueRedrive> {
  const { sqs, stack, dryRun, signal, progress } = options;
  const { giveBack, moveBack, readDeadLetters } = await import('../../operate/dead-letters.ts');
  const from = deadLettersUrl(stack.outputs, name);
  const groups = createLetterGroups();
  const held: DeadLetter[] = [];
  let [messages, moved, refused] = [0, 0, 0];
  try {
    for await (const page of readDeadLetters(sqs, from, signal)) {
      const back = new Map<string, DeadLetter[]>();
      for (const letter of page) {
        const judgement = judgeDeadLetter(name, letter, stack.outputs.inputBucket);
        groups.add(name, letter, judgement);
        if (dryRun || !judgement.readable) held.push(letter);
        else {
          const to = destination(name, letter, stack);
          back.set(to, [...(back.get(to) ?? []), letter]);
        }
      }
      for (const [to, letters] of back) {
        const count = await moveBack(sqs, letters, from, to);
        moved += count;
        refused += letters.length - count;
      }
      messages += page.length;
      progress(messages);
      if (dryRun && messages >= mostLookedAt) break;
    }
  } finally {
    await giveBack(sqs, held, from);
  }
  return { name, messages, moved, refused, groups: groups.list(), more: dryRun && messages >= mostLookedAt };
}

/** Uploads and backfill share their dead letters: SQS says which of them a message was in. */
function destination(name: DeadLetterName, { sourceName }: DeadLetter, { outputs }: DeployedStack): string {
  const source = queueNames.find((queue) => queueNameOf(queueUrl(outputs, queue)) === sourceName);
  return queueUrl(outputs, name === 'uploads' && source === 'backfill' ? 'backfill' : name);
}

/** The metrics by which the service grows sleep when its queue was empty for long. Returns what to tell, if anything. */
async function wake({ outputs }: DeployedStack): Promise<string | null> {
  const [
    { createStepFunctionsClient },
    { createEcsClient },
    { readCostBrake },
    { createServiceWaker },
    { systemClock },
  ] = await Promise.all([
    import('../../operate/clients.ts'),
    import('../../aws/clients.ts'),
    import('../../operate/cost-brake.ts'),
    import('../../aws/wake-service.ts'),
    import('../../local/system-clock.ts'),
  ]);
  try {
    const { state } = await readCostBrake(createStepFunctionsClient(), outputs);
    if (state !== 'released') return 'the cost brake holds, so no task takes the tokens; see igpt doctor';
    const { cluster, service } = outputs;
    await createServiceWaker({ client: createEcsClient(), cluster, service, clock: systemClock })();
    return null;
  } catch (error) {
    return `the tokens are back, but the service was not woken (${error instanceof Error ? error.message : String(error)}); it may take 15 minutes to start by itself`;
  }
}
