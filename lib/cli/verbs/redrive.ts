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

/** The redrive as text: the groups of messages with their causes, and what was done. */
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
      ? [
          `${counted(unreadable, 'message')} unreadable: left in the queue, until SQS drops it 14 days after it was sent`,
        ]
      : []),
    ...unfinished.map(({ name }) => `the dead-letter queue of ${name} holds more messages than were read`),
  ];
}

function messagesOf(groups: readonly LetterGroup[], readable: boolean): number {
  return groups.filter((group) => group.readable === readable).reduce((sum, { messages }) => sum + messages, 0);
}

/** The redrive as JSON. */
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
