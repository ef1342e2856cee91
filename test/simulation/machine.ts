import type { Clock } from '../../lib/ports/clock.ts';
import { TransientError } from '../../lib/ports/error.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import type { CallFault, FaultCounts, FaultKind } from './fault-kinds.ts';

/** What all machines of a schedule share. */
export interface Chance {
  random(): number;
  pick<T>(items: readonly T[]): T;
  /** AWS's clock. */
  clock: VirtualClock;
  /** True: no more faults occur. */
  calm: boolean;
  /** Size of the largest object that can be written (bytes). Larger writes always fail. */
  roomFor: number;
  /** Key of a picture that can never be read. */
  unreadable: string | undefined;
  counts: FaultCounts;
  /** Late effects that are still to come. */
  late: number;
  /** Receives every fault and action, to print a schedule. */
  trace(what: string): void;
}

/** Share of calls that fail. */
const faultRate = 0.05;

/** Share of calls with a slow response, so that other calls come in between. */
const slowRate = 0.15;

/** Longest delay of a slow response (milliseconds). */
const latencyMs = 400;

/** Longest duration of a failed call (milliseconds): beyond visibility timeouts and time limits. */
export const longestMs = 150_000;

/** The effect of a call; `partly` is half of it, for calls that can take effect in part. */
interface Effect<R> {
  whole(faulty: boolean): R | Promise<R>;
  partly?: () => void;
  /** For queues: duplicated, reordered or expired messages. */
  oddly?: (kind: CallFault) => R;
}

/** A process. All its calls of ports go through `call`, which may delay them, fail, or end the process. */
export interface Machine {
  readonly clock: Clock;
  /** Failed calls so far, including its death. */
  faults: number;
  dead: boolean;
  died: Promise<unknown>;
  die(why: string): void;
  call<R>(name: string, kinds: readonly CallFault[], effect: Effect<R>): Promise<R>;
  jump(ms: number): void;
}

/** A promise that a dead process waits for. */
const never = <R>(): Promise<R> => new Promise<R>(() => {});

export function hit(chance: Chance, kind: FaultKind, where: string): void {
  chance.counts[kind] += 1;
  chance.trace(`${kind} ${where}`);
}

export function createMachine(chance: Chance, name: string): Machine {
  const { random, clock } = chance;
  const death = Promise.withResolvers<string>();
  let skew = 0;
  const machine: Machine = {
    // Each machine has its own clock. A dead machine never wakes up.
    clock: {
      now: () => new Date(clock.now().getTime() + skew),
      sleep: (ms, signal) => clock.sleep(ms, signal).then(() => (machine.dead ? never() : undefined)),
    },
    faults: 0,
    dead: false,
    died: death.promise,
    die(why) {
      if (machine.dead) return;
      machine.dead = true;
      machine.faults += 1;
      chance.trace(`${name} dies: ${why}`);
      death.resolve(why);
    },
    jump(ms) {
      skew += ms;
    },
    async call(call, kinds, effect) {
      if (machine.dead) return never();
      if (!chance.calm && random() < slowRate) await clock.sleep(random() * latencyMs);
      if (machine.dead) return never();
      if (chance.calm || random() >= faultRate) {
        const result = await effect.whole(false);
        return machine.dead ? never() : result;
      }
      const kind = chance.pick(kinds);
      machine.faults += 1;
      hit(chance, kind, `${name} ${call}`);
      const result = await fail(kind, call, effect);
      return machine.dead ? never() : result;
    },
  };

  async function fail<R>(kind: CallFault, call: string, effect: Effect<R>): Promise<R> {
    const failed = new TransientError(kind, call);
    switch (kind) {
      case 'crash': {
        if (random() < 0.5) void effect.whole(true);
        machine.die('crash');
        return never();
      }
      case 'throttle':
        throw failed;
      case 'server_error': {
        if (random() < 0.3) await effect.whole(true);
        throw failed;
      }
      case 'timeout_after': {
        await effect.whole(true);
        await clock.sleep(random() * longestMs);
        throw failed;
      }
      case 'timeout_before': {
        await clock.sleep(random() * longestMs);
        throw failed;
      }
      case 'late_effect': {
        chance.late += 1;
        const at = random() * longestMs;
        void clock.sleep(at).then(async () => {
          chance.late -= 1;
          chance.trace(`${name} ${call} takes effect late`);
          await effect.whole(true);
        });
        await clock.sleep(random() * at);
        throw failed;
      }
      case 'slow': {
        await clock.sleep(random() * longestMs);
        return machine.dead ? never() : effect.whole(true);
      }
      case 'torn_write':
      case 'partial_response': {
        effect.partly?.();
        throw failed;
      }
      case 'duplicate':
      case 'reorder':
      case 'visibility_expired':
        return effect.oddly === undefined ? effect.whole(true) : effect.oddly(kind);
    }
  }
  return machine;
}
