import type { Clock } from '../../lib/ports/clock.ts';
import { TransientError } from '../../lib/ports/error.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import type { CallFault, FaultCounts, FaultKind } from './fault-kinds.ts';

/** What all machines of a schedule share: time, chance and lasting faults. */
export interface Conditions {
  random(): number;
  pick<T>(items: readonly T[]): T;
  /** The clock of AWS. */
  clock: VirtualClock;
  /** No call fails any more. */
  faultsEnded: boolean;
  /** Size of the largest object that can be written (bytes); every larger write fails. */
  maxObjectBytes: number;
  /** Key of the picture whose every read fails. */
  unreadableKey: string | undefined;
  /** The part of every installation that does not start. */
  broken: 'decoder' | 'model' | undefined;
  faultCounts: FaultCounts;
  /** Number of effects that are still to come. */
  pendingEffects: number;
  /** Called with each fault and action. */
  trace(what: string): void;
}

/** Share of the calls that fail. */
const faultRate = 0.05;

/** Share of the calls whose answer is delayed, so that other calls come in between. */
const slowRate = 0.15;

/** Longest such delay (milliseconds). */
const latencyMs = 400;

/** Longest duration of a failed call (milliseconds): longer than the visibility timeout and the time limits. */
export const longestMs = 150_000;

/** What a call does. */
interface Effect<R> {
  perform(faulty: boolean): R | Promise<R>;
  /** Does a part of it, for calls where that can happen. */
  performPart?: () => void;
  /** Does it with duplicated, reordered or early messages, for calls where that can happen. */
  performDistorted?: (kind: CallFault) => R;
}

/**
 * The machine of one process. Every call to a port goes through `call`, which may fail, be slow or kill the process.
 */
export interface Machine {
  readonly clock: Clock;
  /** Number of failed calls so far, plus its death. */
  faults: number;
  dead: boolean;
  died: Promise<unknown>;
  die(why: string): void;
  call<R>(name: string, kinds: readonly CallFault[], effect: Effect<R>): Promise<R>;
  /** Moves this machine's clock. */
  jump(ms: number): void;
}

/** The answer to a dead process. */
const never = <R>(): Promise<R> => new Promise<R>(() => {});

export function recordFault(conditions: Conditions, kind: FaultKind, where: string): void {
  conditions.faultCounts[kind] += 1;
  conditions.trace(`${kind} ${where}`);
}

export function createMachine(conditions: Conditions, name: string): Machine {
  const { random, clock } = conditions;
  const death = Promise.withResolvers<string>();
  let skew = 0;
  const machine: Machine = {
    // Each machine has its own clock, and a dead process never wakes.
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
      conditions.trace(`${name} dies: ${why}`);
      death.resolve(why);
    },
    jump(ms) {
      skew += ms;
    },
    async call(call, kinds, effect) {
      if (machine.dead) return never();
      if (!conditions.faultsEnded && random() < slowRate) await clock.sleep(random() * latencyMs);
      if (machine.dead) return never();
      if (conditions.faultsEnded || random() >= faultRate) {
        const result = await effect.perform(false);
        return machine.dead ? never() : result;
      }
      const kind = conditions.pick(kinds);
      machine.faults += 1;
      recordFault(conditions, kind, `${name} ${call}`);
      const result = await applyFault(kind, call, effect);
      return machine.dead ? never() : result;
    },
  };

  async function applyFault<R>(kind: CallFault, call: string, effect: Effect<R>): Promise<R> {
    const failed = new TransientError(kind, call);
    switch (kind) {
      case 'crash': {
        if (random() < 0.5) void effect.perform(true);
        machine.die('crash');
        return never();
      }
      case 'throttle':
        throw failed;
      case 'server_error': {
        if (random() < 0.3) await effect.perform(true);
        throw failed;
      }
      case 'timeout_after': {
        await effect.perform(true);
        await clock.sleep(random() * longestMs);
        throw failed;
      }
      case 'timeout_before': {
        await clock.sleep(random() * longestMs);
        throw failed;
      }
      case 'late_effect': {
        conditions.pendingEffects += 1;
        const at = random() * longestMs;
        void clock.sleep(at).then(async () => {
          conditions.pendingEffects -= 1;
          conditions.trace(`${name} ${call} has its late effect`);
          await effect.perform(true);
        });
        await clock.sleep(random() * at);
        throw failed;
      }
      case 'slow': {
        await clock.sleep(random() * longestMs);
        return machine.dead ? never() : effect.perform(true);
      }
      case 'torn_write':
      case 'partial_response': {
        effect.performPart?.();
        throw failed;
      }
      case 'duplicate':
      case 'reorder':
      case 'visibility_expired':
        return effect.performDistorted === undefined ? effect.perform(true) : effect.performDistorted(kind);
    }
  }
  return machine;
}
