import { TransientError } from '../../lib/ports/error.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { EventSink } from '../../lib/ports/queue.ts';
import type { CallFault, FaultKind } from './fault-kinds.ts';
import { type Conditions, type Machine, recordFault } from './machine.ts';

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

/** A bucket as the process on `machine` sees it. */
export function connectStore(store: ObjectStore, name: string, machine: Machine, conditions: Conditions): ObjectStore {
  /** Fails always; the call itself may fail in another way first. */
  async function refuse(kind: FaultKind, call: string): Promise<never> {
    await machine.call(call, reads, { perform: () => {} });
    machine.faults += 1;
    recordFault(conditions, kind, call);
    throw new TransientError(kind, call);
  }

  return {
    async *list(options) {
      await machine.call(`${name}.list`, reads, { perform: () => {} });
      yield* store.list(options);
    },
    head: (key) => machine.call(`${name}.head`, reads, { perform: () => store.head(key) }),
    get(key, options) {
      if (key === conditions.unreadableKey) return refuse('unreadable', `${name}.get`);
      return machine.call(`${name}.get`, reads, { perform: () => store.get(key, options) });
    },
    put(key, body, condition) {
      if (body.length > conditions.maxObjectBytes) return refuse('no_room', `${name}.put`);
      return machine.call(`${name}.put`, [...writes, 'torn_write', 'torn_write'], {
        perform: () => store.put(key, body, condition),
        performPart: () => void store.put(key, body.subarray(0, body.length / 2), condition),
      });
    },
    delete: (key, condition) => machine.call(`${name}.delete`, writes, { perform: () => store.delete(key, condition) }),
  };
}

/** A topic as the process on `machine` sees it. */
export function connectSink<E>(published: E[], machine: Machine): EventSink<E> {
  return {
    publish: (events) =>
      machine.call('events.publish', [...writes, 'partial_response', 'duplicate'], {
        perform: () => void published.push(...events),
        performPart: () => void published.push(...events.slice(0, events.length / 2)),
        performDistorted: () => void published.push(...events, ...events),
      }),
  };
}
