import { TransientError } from '../../lib/ports/error.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { EventSink } from '../../lib/ports/queue.ts';
import type { CallFault, FaultKind } from './fault-kinds.ts';
import { type Chance, hit, type Machine } from './machine.ts';

const reads: readonly CallFault[] = ['throttle', 'server_error', 'timeout_before', 'slow', 'crash'];
const writes: readonly CallFault[] = [
  'throttle',
  'server_error',
  'timeout_before',
  'timeout_after',
  'late_effect',
  'slow',
  'crash',
];

/** A bucket as a process sees it. */
export function connectStore(store: ObjectStore, name: string, machine: Machine, chance: Chance): ObjectStore {
  /** Fails always, in addition to random faults. */
  async function refuse(kind: FaultKind, call: string): Promise<never> {
    await machine.call(call, reads, { whole: () => {} });
    machine.faults += 1;
    hit(chance, kind, call);
    throw new TransientError(kind, call);
  }

  return {
    async *list(options) {
      await machine.call(`${name}.list`, reads, { whole: () => {} });
      yield* store.list(options);
    },
    head: (key) => machine.call(`${name}.head`, reads, { whole: () => store.head(key) }),
    get(key, options) {
      if (key === chance.unreadable) return refuse('unreadable', `${name}.get`);
      return machine.call(`${name}.get`, reads, { whole: () => store.get(key, options) });
    },
    put(key, body, condition) {
      if (body.length > chance.roomFor) return refuse('no_room', `${name}.put`);
      return machine.call(`${name}.put`, [...writes, 'torn_write', 'torn_write'], {
        whole: () => store.put(key, body, condition),
        partly: () => void store.put(key, body.subarray(0, body.length / 2), condition),
      });
    },
    delete: (key, condition) => machine.call(`${name}.delete`, writes, { whole: () => store.delete(key, condition) }),
  };
}

/** A topic as a process sees it. */
export function connectSink<E>(published: E[], machine: Machine): EventSink<E> {
  return {
    publish: (events) =>
      machine.call('events.publish', [...writes, 'partial_response', 'duplicate'], {
        whole: () => void published.push(...events),
        partly: () => void published.push(...events.slice(0, events.length / 2)),
        oddly: () => void published.push(...events, ...events),
      }),
  };
}
