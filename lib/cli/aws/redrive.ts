import { Command, Option } from 'commander';
import type { DeadLetter } from '../../aws/dead-letters.ts';
import type { DeployedStack } from '../../aws/deployed-stack.ts';
import {
  type DeadLetterName,
  deadLetterNames,
  deadLettersUrl,
  queueNameOf,
  queueNames,
  queueUrl,
} from '../../aws/stack-queues.ts';
import { examples } from '../examples.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { createLetterGroups, judgeDeadLetter } from './dead-letter.ts';
import { type QueueRedrive, redriveJson, redriveReport } from './redrive-report.ts';
import { openStack, regionOption, type StackOptions, stackOption } from './stack-option.ts';

interface RedriveOptions extends StackOptions {
  queue?: DeadLetterName;
  dryRun: boolean;
  json: boolean;
}

/** Without moving, every message that is looked at is held: SQS lets nobody hold more than 120,000. */
const mostLookedAt = 10_000;

export function redriveCommand(): Command {
  return new Command('redrive')
    .summary('dead letters back into their queues, with what failed and why')
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
  const { readQueueCounts } = await import('../../aws/queue-counts.ts');
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
  sqs: Parameters<typeof import('../../aws/dead-letters.ts').moveBack>[0];
  stack: DeployedStack;
  dryRun: boolean;
  signal: AbortSignal;
  /** Is told how many messages were looked at. */
  progress(messages: number): void;
}

async function redriveQueue(name: DeadLetterName, options: QueueRedriveOptions): Promise<QueueRedrive> {
  const { sqs, stack, dryRun, signal, progress } = options;
  const { giveBack, moveBack, readDeadLetters } = await import('../../aws/dead-letters.ts');
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
    import('../../aws/command-clients.ts'),
    import('../../aws/clients.ts'),
    import('../../aws/cost-brake.ts'),
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
