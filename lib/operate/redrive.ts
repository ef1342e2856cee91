import type { SQSClient } from '@aws-sdk/client-sqs';
import { createEcsClient, createSqsClient } from '../aws/clients.ts';
import { createServiceWaker } from '../aws/wake-service.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { createLambdaClient, createStepFunctionsClient } from './clients.ts';
import { readCostBrake } from './cost-brake.ts';
import { type DeadLetter, giveBack, moveBack, readDeadLetters } from './dead-letters.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { readInferFunction } from './infer-function.ts';
import { obstacleOf } from './infer-trouble.ts';
import { createLetterGroups, judgeDeadLetter, type LetterGroup } from './judge-dead-letter.ts';
import { readQueueCounts } from './queue-counts.ts';
import { type DeadLetterName, deadLettersUrl, queueNameOf, queueNames, queueUrl } from './stack-queues.ts';
import { ecsOf } from './stack-services.ts';

/** What one dead-letter queue held, and what was done with it. */
export interface QueueRedrive {
  name: DeadLetterName;
  /** Messages that were read. */
  messages: number;
  moved: number;
  /** Messages that SQS refused to take back. They stay. */
  refused: number;
  groups: LetterGroup[];
  /** The queue holds more messages than were read. */
  more: boolean;
}

export interface RedriveOptions {
  queues: readonly DeadLetterName[];
  /** Reads the messages, but moves none. */
  dryRun: boolean;
  signal: AbortSignal;
  /** Called with the number of messages that were read, and with the expected total. */
  onProgress(messages: number, total: number): void;
}

export interface Redrive {
  queues: QueueRedrive[];
  /** Why the moved tokens may wait for a worker; null if they don't. */
  wakeProblem: string | null;
}

/** A dry run hides every message that it reads, and SQS lets a queue have at most 120,000 hidden messages. */
const dryRunLimit = 10_000;

/**
 * Reads dead-letter queues and moves every readable message back to its queue.
 *
 * @throws {CommandError} when a request to SQS fails
 */
export async function redriveDeadLetters(stack: DeployedStack, options: RedriveOptions): Promise<Redrive> {
  const { queues, dryRun, onProgress } = options;
  const sqs = createSqsClient();
  const counts = await Promise.all(queues.map((name) => readQueueCounts(sqs, deadLettersUrl(stack.outputs, name))));
  const total = counts.reduce((sum, { waiting }) => sum + waiting, 0);
  let read = 0;
  const onPage = (messages: number): void => {
    read += messages;
    onProgress(read, Math.max(total, read));
  };
  const redrives = await Promise.all(queues.map((name) => redriveQueue(sqs, stack, name, { ...options, onPage })));
  const tokensMoved = !dryRun && redrives.some(({ name, moved }) => name === 'tokens' && moved > 0);
  return { queues: redrives, wakeProblem: tokensMoved ? await wakeWorker(stack) : null };
}

interface QueueOptions extends RedriveOptions {
  /** Called with the number of messages of each page. */
  onPage(messages: number): void;
}

async function redriveQueue(
  sqs: SQSClient,
  stack: DeployedStack,
  name: DeadLetterName,
  { dryRun, signal, onPage }: QueueOptions,
): Promise<QueueRedrive> {
  const from = deadLettersUrl(stack.outputs, name);
  const groups = createLetterGroups();
  const kept: DeadLetter[] = [];
  let [messages, moved, refused] = [0, 0, 0];
  try {
    for await (const page of readDeadLetters(sqs, from, signal)) {
      const byDestination = new Map<string, DeadLetter[]>();
      for (const letter of page) {
        const judgement = judgeDeadLetter(name, letter, stack.outputs.inputBucket);
        groups.add(name, letter, judgement);
        if (dryRun || !judgement.readable) {
          kept.push(letter);
        } else {
          const to = destinationOf(name, letter, stack);
          byDestination.set(to, [...(byDestination.get(to) ?? []), letter]);
        }
      }
      for (const [to, letters] of byDestination) {
        const count = await moveBack(sqs, letters, from, to);
        moved += count;
        refused += letters.length - count;
      }
      messages += page.length;
      onPage(page.length);
      if (dryRun && messages >= dryRunLimit) break;
    }
  } finally {
    await giveBack(sqs, kept, from);
  }
  return { name, messages, moved, refused, groups: groups.list(), more: dryRun && messages >= dryRunLimit };
}

/** Uploads and backfill share a dead-letter queue, and SQS says which of them a message comes from. */
function destinationOf(name: DeadLetterName, { sourceName }: DeadLetter, { outputs }: DeployedStack): string {
  const source = queueNames.find((queue) => queueNameOf(queueUrl(outputs, queue)) === sourceName);
  return queueUrl(outputs, name === 'uploads' && source === 'backfill' ? 'backfill' : name);
}

/**
 * Starts a worker for the tokens. Without it, the first worker would start late: SQS publishes no metrics for a queue
 * that was empty for hours, and the scaling needs them. An inference function needs no start. Returns a problem in
 * words, or null.
 */
async function wakeWorker({ outputs }: DeployedStack): Promise<string | null> {
  try {
    const { state } = await readCostBrake(createStepFunctionsClient(), outputs);
    if (state !== 'released') return 'the cost brake holds, so nothing takes the tokens; run igpt doctor';
    const ecs = ecsOf(outputs);
    if (ecs !== undefined) {
      await createServiceWaker({ client: createEcsClient(), ...ecs, clock })();
      return null;
    }
    const infer = await readInferFunction(createLambdaClient(), outputs);
    const obstacle = infer === null ? undefined : obstacleOf(infer);
    return obstacle === undefined
      ? null
      : `the tokens are back in their queue, but the function cannot take them: ${obstacle}`;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const effect =
      outputs.inferFunction === undefined
        ? `no worker could be started (${reason}); it may take 15 minutes until one starts`
        : `whether the function takes them is unknown (${reason}); igpt status shows it`;
    return `the tokens are back in their queue, but ${effect}`;
  }
}
