import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import type { Queue, QueueMessage } from '../../lib/ports/queue.ts';
import type { CallFault } from './fault-kinds.ts';
import type { Conditions, Machine } from './machine.ts';

interface DeadLetter {
  body: string;
  /** Its last receiver had no fault while it held the message: it should not be dead-lettered. */
  withoutFault: boolean;
}

/** A queue like SQS: at-least-once delivery in any order, with a visibility timeout and dead letters. */
export interface SimulatedQueue {
  send(bodies: readonly string[]): void;
  /** The queue as the process on `machine` sees it. */
  connect(machine: Machine): Queue;
  /** Takes the messages that were received too often. */
  takeDeadLetters(): DeadLetter[];
  /** Number of messages in the queue, including those in flight. */
  size(): number;
}

interface StoredMessage {
  body: string;
  sentAt: Date;
  receiveCount: number;
  visibleAt: number;
  machine?: Machine;
  /** Fault count of its machine when it was delivered; -1 if the delivery itself failed. */
  faults: number;
}

interface Waiter {
  maxMessages: number;
  machine: Machine;
  answer(messages: QueueMessage[]): void;
}

const sends: readonly CallFault[] = [
  'throttle',
  'server_error',
  'timeout_before',
  'timeout_after',
  'late_effect',
  'slow',
  'partial_response',
  'duplicate',
  'crash',
];
const receives: readonly CallFault[] = [
  'throttle',
  'timeout_after',
  'slow',
  'partial_response',
  'duplicate',
  'duplicate',
  'reorder',
  'reorder',
  'visibility_expired',
  'visibility_expired',
  'crash',
];
const changes = sends.filter((fault) => fault !== 'duplicate');

export function createSimulatedQueue(conditions: Conditions, name: string, visibilityMs: number): SimulatedQueue {
  const { clock, random } = conditions;
  const visible = new Set<StoredMessage>();
  const inFlight = new Map<string, StoredMessage>();
  const waiters = new Set<Waiter>();
  let dead: DeadLetter[] = [];
  let deliveries = 0;
  /** When the next check for expired messages is due. */
  let nextCheck = Number.POSITIVE_INFINITY;

  const now = (): number => clock.now().getTime();

  function send(bodies: readonly string[]): void {
    for (const body of bodies) visible.add({ body, sentAt: clock.now(), receiveCount: 0, visibleAt: 0, faults: 0 });
    answerWaiters();
  }

  function answerWaiters(): void {
    for (const waiter of waiters) {
      if (visible.size === 0) return;
      waiters.delete(waiter);
      if (!waiter.machine.dead) waiter.answer(deliver(waiter.maxMessages, waiter.machine, false));
    }
  }

  function deliver(maxMessages: number, machine: Machine, faulty: boolean, kind?: CallFault): QueueMessage[] {
    const items = [...visible];
    if (kind === 'reorder') items.sort(() => random() - 0.5);
    return items.slice(0, maxMessages).map((item) => {
      visible.delete(item);
      deliveries += 1;
      const receipt = String(deliveries);
      item.receiveCount += 1;
      item.visibleAt = now() + (kind === 'visibility_expired' ? random() * 2000 : visibilityMs);
      item.machine = machine;
      item.faults = faulty ? -1 : machine.faults;
      inFlight.set(receipt, item);
      scheduleCheck(item.visibleAt);
      const { body, receiveCount, sentAt } = item;
      if (kind === 'duplicate') visible.add({ ...item });
      return { body, receipt, receiveCount, lastReceive: receiveCount >= maxReceiveCount, sentAt };
    });
  }

  /** Checks again at `at`, when a message in flight may have become visible. */
  function scheduleCheck(at: number): void {
    if (at >= nextCheck) return;
    nextCheck = at;
    void clock.sleep(at - now()).then(() => {
      // An earlier check was scheduled meanwhile.
      if (nextCheck !== at) return;
      nextCheck = Number.POSITIVE_INFINITY;
      expire();
    });
  }

  function expire(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const [receipt, item] of inFlight) {
      if (item.visibleAt > now()) {
        next = Math.min(next, item.visibleAt);
        continue;
      }
      inFlight.delete(receipt);
      if (item.receiveCount < maxReceiveCount) visible.add(item);
      else dead.push({ body: item.body, withoutFault: item.machine?.faults === item.faults });
    }
    if (next !== Number.POSITIVE_INFINITY) scheduleCheck(next);
    answerWaiters();
  }

  function remove(receipts: readonly string[]): void {
    for (const receipt of receipts) inFlight.delete(receipt);
  }

  function change(receipts: readonly string[], ms: number): void {
    for (const receipt of receipts) {
      const item = inFlight.get(receipt);
      if (item === undefined) continue;
      item.visibleAt = now() + ms;
      scheduleCheck(item.visibleAt);
    }
  }

  function receive(machine: Machine, maxMessages: number, waitMs: number, signal?: AbortSignal) {
    if (signal?.aborted) return Promise.resolve([]);
    if (visible.size > 0) return Promise.resolve(deliver(maxMessages, machine, false));
    const { promise, resolve } = Promise.withResolvers<QueueMessage[]>();
    const waiter: Waiter = { maxMessages, machine, answer: resolve };
    waiters.add(waiter);
    const answerEmpty = (): void => {
      waiters.delete(waiter);
      resolve([]);
    };
    signal?.addEventListener('abort', answerEmpty, { once: true });
    void clock.sleep(waitMs).then(answerEmpty);
    return promise.finally(() => signal?.removeEventListener('abort', answerEmpty));
  }

  /** The first half, rounded down. */
  const half = <T>(items: readonly T[]): T[] => items.slice(0, Math.floor(items.length / 2));

  return {
    send,
    size: () => visible.size + inFlight.size,
    takeDeadLetters() {
      const taken = dead;
      dead = [];
      return taken;
    },
    connect: (machine) => ({
      send: (bodies) =>
        machine.call(`${name}.send`, sends, {
          perform: () => send(bodies),
          performPart: () => send(half(bodies)),
          performDistorted: () => send([...bodies, ...bodies]),
        }),
      receive: ({ maxMessages, waitMs, signal }) =>
        machine.call(`${name}.receive`, receives, {
          perform: (faulty) =>
            faulty ? deliver(maxMessages, machine, true) : receive(machine, maxMessages, waitMs, signal),
          performPart: () => void deliver(maxMessages, machine, true),
          performDistorted: (kind) => deliver(maxMessages, machine, true, kind),
        }),
      delete: (receipts) =>
        machine.call(`${name}.delete`, changes, {
          perform: () => remove(receipts),
          performPart: () => remove(half(receipts)),
        }),
      changeVisibility: (receipts, ms) =>
        machine.call(`${name}.changeVisibility`, changes, {
          perform: () => change(receipts, ms),
          performPart: () => change(half(receipts), ms),
        }),
    }),
  };
}
