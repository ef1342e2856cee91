import type { Clock } from '../ports/clock.ts';
import type { QueueMessage } from '../ports/queue.ts';

/** Lets messages of a process through: side by side, or alone when they may be what ends it. */
export interface Turnstile {
  /** Runs `work` when it is the message's turn. */
  run(message: QueueMessage, work: () => Promise<void>): Promise<void>;
}

/**
 * From this delivery on a message is a suspect. Whatever made the first two fail, an outage or the end of a machine,
 * three are too many for chance; and three of the five deliveries are left for going alone.
 */
export const suspectFrom = 3;

/** Suspects wait so long for others that were received at the same time, milliseconds. */
const gatherMs = 1000;

interface Suspect {
  message: QueueMessage;
  start(): Promise<void>;
}

/**
 * A message that ends the process takes all others at hand along, and all come again at the same time: five times so,
 * and they would be in the dead letters together. So suspects go one after the other, with nothing beside them, forwards
 * and backwards in turn: all but the one that ends the process are through after two rounds.
 */
export function createTurnstile(clock: Clock): Turnstile {
  let suspects: Suspect[] = [];
  let aside = 0;
  let alone = false;
  let changed = Promise.withResolvers<void>();

  function tellAll(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function sideBySide(work: () => Promise<void>): Promise<void> {
    while (alone) await changed.promise;
    aside += 1;
    try {
      await work();
    } finally {
      aside -= 1;
      if (alone) tellAll();
    }
  }

  async function letSuspectsThrough(): Promise<void> {
    alone = true;
    await clock.sleep(gatherMs);
    while (aside > 0) await changed.promise;
    while (suspects.length > 0) {
      const round = suspects.sort((a, b) => order(a.message, b.message));
      suspects = [];
      const backwards = Math.max(...round.map(({ message }) => message.receiveCount)) % 2 === 0;
      for (const { start } of backwards ? round.reverse() : round) await start();
    }
    alone = false;
    tellAll();
  }

  return {
    run(message, work) {
      if (message.receiveCount < suspectFrom) return sideBySide(work);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      suspects.push({ message, start: () => work().then(resolve, reject) });
      if (!alone) void letSuspectsThrough();
      return promise;
    },
  };
}

/** The same order each time, whoever receives them. */
function order(a: QueueMessage, b: QueueMessage): number {
  return a.sentAt.getTime() - b.sentAt.getTime() || (a.body < b.body ? -1 : 1);
}
