import type { Clock } from '../ports/clock.ts';
import type { QueueMessage } from '../ports/queue.ts';

// Poison is an item that ends the process. It takes down every item that is processed beside it, and all are delivered
// again together. After five such deliveries all of them would be dead-lettered. So from some delivery on, items are
// suspects: they are processed alone, one after another. The first suspect delivery goes forwards, the next backwards,
// and so on. After two such deliveries every item has been processed, except the poison and what lies between two
// poisonous items.

/**
 * The delivery from which the worker suspects an item. An outage or a lost machine explains two failed deliveries, but
 * hardly three. Three of the five deliveries are then left for processing the item alone.
 */
export const workerSuspectsFrom = 3;

/** How long suspects wait for others that were received at the same time (milliseconds). */
const suspectWaitMs = 1000;

/** An item whose work failed. */
export interface FailedItem<T> {
  item: T;
  error: unknown;
}

export interface IsolateOptions<T> {
  /** The delivery from which an item is a suspect. */
  suspectFrom: number;
  receiveCountOf(item: T): number;
  work(item: T): Promise<void>;
  /** Called before the first suspect with the other items whose work succeeded. Default: nothing happens. */
  beforeSuspects?(done: T[]): Promise<void>;
}

/** Processes trusted items side by side, then suspects one by one. Returns what failed, in the order of processing. */
export async function isolate<T>(items: readonly T[], options: IsolateOptions<T>): Promise<FailedItem<T>[]> {
  const { suspectFrom, receiveCountOf, work, beforeSuspects } = options;
  const isSuspect = (item: T): boolean => receiveCountOf(item) >= suspectFrom;
  const trusted = items.filter((item) => !isSuspect(item));
  const suspects = items.filter(isSuspect);
  const failed = (await Promise.all(trusted.map((item) => attempt(item, work)))).flat();
  if (suspects.length === 0) return failed;
  await beforeSuspects?.(trusted.filter((item) => !failed.some((other) => other.item === item)));
  const receiveCount = Math.max(...suspects.map(receiveCountOf));
  return [...failed, ...(await oneByOne(suspects, receiveCount - suspectFrom, work))];
}

/** Processes all items, even after a failure: forwards if `round` (counted from 0) is even, else backwards. */
async function oneByOne<T>(
  items: readonly T[],
  round: number,
  work: (item: T) => Promise<void>,
): Promise<FailedItem<T>[]> {
  const failed: FailedItem<T>[] = [];
  for (const item of round % 2 === 0 ? items : items.toReversed()) failed.push(...(await attempt(item, work)));
  return failed;
}

async function attempt<T>(item: T, work: (item: T) => Promise<void>): Promise<FailedItem<T>[]> {
  try {
    await work(item);
    return [];
  } catch (error) {
    return [{ item, error }];
  }
}

/** Does for all messages of a process what {@link isolate} does for a list. */
export interface Turnstile {
  /** Runs `work` when it is the message's turn. */
  run(message: QueueMessage, work: () => Promise<void>): Promise<void>;
}

interface Suspect {
  message: QueueMessage;
  start(): Promise<void>;
}

/**
 * Runs trusted messages side by side. Suspects wait for each other, then for everything that is running, and then run
 * one by one while new messages wait.
 */
export function createTurnstile(clock: Clock, suspectFrom: number): Turnstile {
  let suspects: Suspect[] = [];
  let running = 0;
  let closed = false;
  let changed = Promise.withResolvers<void>();

  function wakeAll(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function sideBySide(work: () => Promise<void>): Promise<void> {
    while (closed) await changed.promise;
    running += 1;
    try {
      await work();
    } finally {
      running -= 1;
      if (closed) wakeAll();
    }
  }

  async function runSuspects(): Promise<void> {
    closed = true;
    await clock.sleep(suspectWaitMs);
    while (running > 0) await changed.promise;
    while (suspects.length > 0) {
      const round = suspects.sort((a, b) => compareMessages(a.message, b.message));
      suspects = [];
      const receiveCount = Math.max(...round.map(({ message }) => message.receiveCount));
      await oneByOne(round, receiveCount - suspectFrom, ({ start }) => start());
    }
    closed = false;
    wakeAll();
  }

  return {
    run(message, work) {
      if (message.receiveCount < suspectFrom) return sideBySide(work);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      suspects.push({ message, start: () => work().then(resolve, reject) });
      if (!closed) void runSuspects();
      return promise;
    },
  };
}

/** The same order in each delivery, whichever process receives the messages. */
function compareMessages(a: QueueMessage, b: QueueMessage): number {
  return a.sentAt.getTime() - b.sentAt.getTime() || (a.body < b.body ? -1 : 1);
}
