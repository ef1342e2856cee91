import type { DeadLetterName } from '../aws/stack-queues.ts';
import { ago } from './age.ts';
import type { LetterGroup } from './dead-letter.ts';
import { invocation } from './invocation.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';

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

/** For people: a table of what failed and why, and what was done. */
export function redriveReport(redrives: readonly QueueRedrive[], about: { dryRun: boolean; now: Date }): string {
  const { dryRun, now } = about;
  const groups = redrives.flatMap((redrive) => redrive.groups);
  if (groups.length === 0) return `no dead letters in ${redrives.map(({ name }) => name).join(', ')}\n`;
  const rows = groups.map((group) => [
    group.queue,
    String(group.messages),
    group.readable ? String(group.pictures) : '?',
    String(group.receives),
    ago(group.first, now),
    group.why,
    group.examples.join(', '),
  ]);
  const columns = [
    { title: 'dead letters of' },
    { title: 'messages', align: 'right' },
    { title: 'pictures', align: 'right' },
    { title: 'receives', align: 'right' },
    { title: 'first sent' },
    { title: 'why' },
    { title: 'for instance' },
  ] as const;
  const words = summary(redrives, dryRun).map((line) => `${line}\n`);
  return `${table(
    columns,
    rows.map((cells) => cells.map(printable)),
  )}\n${words.join('')}`;
}

function summary(redrives: readonly QueueRedrive[], dryRun: boolean): string[] {
  const sum = (count: (redrive: QueueRedrive) => number): number =>
    redrives.reduce((total, redrive) => total + count(redrive), 0);
  const readable = sum(({ groups }) => messagesOf(groups, true));
  const unreadable = sum(({ groups }) => messagesOf(groups, false));
  const refused = sum((redrive) => redrive.refused);
  const more = redrives.filter((redrive) => redrive.more).map(({ name }) => name);
  return [
    dryRun
      ? `${readable} messages can be moved back: ${invocation()} redrive`
      : `${sum(({ moved }) => moved)} messages moved back to their queues`,
    ...(refused > 0 ? [`${refused} messages were not taken by SQS and stay: run it again`] : []),
    ...(unreadable > 0
      ? [`${unreadable} messages stay: nobody can read them; SQS drops them 14 days after they were sent`]
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
