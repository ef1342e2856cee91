import type { DeadLetterName } from '../../aws/stack-queues.ts';
import { printable } from '../terminal/printable.ts';
import { ago } from './age.ts';
import type { LetterGroup } from './dead-letter.ts';
import { stackCall } from './stack-option.ts';

/** What was found in one queue of dead letters, and what became of it. */
export interface QueueRedrive {
  name: DeadLetterName;
  /** That were looked at. */
  messages: number;
  moved: number;
  /** That SQS did not take: they stay. */
  refused: number;
  groups: LetterGroup[];
  /** There are more than were looked at. */
  more: boolean;
}

interface ReportOptions {
  /** Name of the stack. */
  stack: string;
  dryRun: boolean;
  now: Date;
}

/** For people: what failed and why, group by group, and what was done. */
export function redriveReport(redrives: readonly QueueRedrive[], { stack, dryRun, now }: ReportOptions): string {
  const groups = redrives.flatMap((redrive) => redrive.groups);
  if (groups.length === 0) return `no dead letters of ${redrives.map(({ name }) => name).join(', ')}\n`;
  const lines = [...groups.flatMap((group) => [...groupLines(group, now), '']), ...summary(redrives, stack, dryRun)];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function groupLines(group: LetterGroup, now: Date): string[] {
  const { queue, readable, why, messages, pictures, receives, first, examples } = group;
  const about = readable ? ` of ${counted(pictures, 'picture')}` : '';
  const tried = `received up to ${receives} times, the first sent ${ago(first, now)}`;
  return [
    `dead letters of ${queue}: ${counted(messages, 'message')}${about}, ${tried}`,
    `  ${why}`,
    ...(examples.length === 0 ? [] : [`  for instance ${examples.join(', ')}`]),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function summary(redrives: readonly QueueRedrive[], stack: string, dryRun: boolean): string[] {
  const sum = (count: (redrive: QueueRedrive) => number): number =>
    redrives.reduce((total, redrive) => total + count(redrive), 0);
  const readable = sum(({ groups }) => messagesOf(groups, true));
  const unreadable = sum(({ groups }) => messagesOf(groups, false));
  const refused = sum((redrive) => redrive.refused);
  const more = redrives.filter((redrive) => redrive.more).map(({ name }) => name);
  return [
    dryRun
      ? `${counted(readable, 'message')} can be moved back: ${stackCall('redrive', stack)}`
      : `${counted(
          sum(({ moved }) => moved),
          'message',
        )} moved back`,
    ...(refused > 0 ? [`${counted(refused, 'message')} not taken by SQS: run it again`] : []),
    ...(unreadable > 0
      ? [`${counted(unreadable, 'message')} that nobody can read: left there, until 14 days after the first sending`]
      : []),
    ...more.map((name) => `there are more in the dead letters of ${name} than the ones looked at`),
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
      groups: groups.map(({ readable, why, messages, pictures, receives, first, last, examples }) => ({
        ...{ readable, why, messages, pictures, receives },
        first_sent: first.toISOString(),
        last_sent: last.toISOString(),
        examples,
      })),
    })),
  };
}
