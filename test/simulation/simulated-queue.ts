import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import type { Queue, QueueMessage } from '../../lib/ports/queue.ts';
import type { CallFault } from './fault-kinds.ts';
import type { Chance, Machine } from './machine.ts';

interface DeadLetter {
  body: string;
  /** Its last receiver had no fault, so the contract does not allow this dead letter. */
  unjust: boolean;
}

/** A queue on SQS: at least once, in any order, with visibility timeout and dead letters. */
export interface SimulatedQueue {
  send(bodies: readonly string[]): void;
  /** The queue as a process sees it. */
  connect(machine: Machine): Queue;
  /** Messages that were received too often. */
  takeDeadLetters(): DeadLetter[];
  /** Messages in the queue, held ones included. */
  size(): number;
}

interface Item {
  body: string;
  sentAt: Date;
  receiveCount: number;
  visibleAt: number;
  machine?: Machine;
  /** Faults of its machine at the delivery; -1 if the delivery itself was faulty. */
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

export function createSimulatedQueue(chance: Chance, name: string, visibilityMs: number): SimulatedQueue {
  const { clock, random } = chance;
  const visible = new Set<Item>();
  const held = new Map<string, Item>();
  const waiters = new Set<Waiter>();
  let dead: DeadLetter[] = [];
  let deliveries = 0;
  let armedFor = Number.POSITIVE_INFINITY;

  const now = (): number => clock.now().getTime();

  function send(bodies: readonly string[]): void {
    for (const body of bodies) visible.add({ body, sentAt: clock.now(), receiveCount: 0, visibleAt: 0, faults: 0 });
    serve();
  }

  function serve(): void {
    for (const waiter of waiters) {
      if (visible.size === 0) return;
      waiters.delete(waiter);
      if (!waiter.machine.dead) waiter.answer(take(waiter.maxMessages, waiter.machine, false));
    }
  }

  function take(maxMessages: number, machine: Machine, faulty: boolean, kind?: CallFault): QueueMessage[] {
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
      held.set(receipt, item);
      arm(item.visibleAt);
      const { body, receiveCount, sentAt } = item;
      if (kind === 'duplicate') visible.add({ ...item });
      return { body, receipt, receiveCount, lastReceive: receiveCount >= maxReceiveCount, sentAt };
    });
  }

  /** Calls `expire` when a held message may become visible. */
  function arm(at: number): void {
    if (at >= armedFor) return;
    armedFor = at;
    void clock.sleep(at - now()).then(() => {
      // A later call has armed an earlier time.
      if (armedFor !== at) return;
      armedFor = Number.POSITIVE_INFINITY;
      expire();
    });
  }

  function expire(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const [receipt, item] of held) {
      if (item.visibleAt > now()) {
        next = Math.min(next, item.visibleAt);
        continue;
      }
      held.delete(receipt);
      if (item.receiveCount < maxReceiveCount) visible.add(item);
      else dead.push({ body: item.body, unjust: item.machine?.faults === item.faults });
    }
    if (next !== Number.POSITIVE_INFINITY) arm(next);
    serve();
  }

  function remove(receipts: readonly string[]): void {
    for (const receipt of receipts) held.delete(receipt);
  }

  function change(receipts: readonly string[], ms: number): void {
    for (const receipt of receipts) {
      const item = held.get(receipt);
      if (item === undefined) continue;
      item.visibleAt = now() + ms;
      arm(item.visibleAt);
    }
  }

  function receive(machine: Machine, maxMessages: number, waitMs: number, signal?: AbortSignal) {
    if (signal?.aborted) return Promise.resolve([]);
    if (visible.size > 0) return Promise.resolve(take(maxMessages, machine, false));
    const { promise, resolve } = Promise.withResolvers<QueueMessage[]>();
    const waiter: Waiter = { maxMessages, machine, answer: resolve };
    waiters.add(waiter);
    const give = (): void => {
      waiters.delete(waiter);
      resolve([]);
    };
    signal?.addEventListener('abort', give, { once: true });
    void clock.sleep(waitMs).then(give);
    return promise.finally(() => signal?.removeEventListener('abort', give));
  }

  /** The first half; nothing of a single message. */
  const half = <T>(items: readonly T[]): T[] => items.slice(0, Math.floor(items.length / 2));

  return {
    send,
    size: () => visible.size + held.size,
    takeDeadLetters() {
      const taken = dead;
      dead = [];
      return taken;
    },
    connect: (machine) => ({
      send: (bodies) =>
        machine.call(`${name}.send`, sends, {
          whole: () => send(bodies),
          partly: () => send(half(bodies)),
          oddly: () => send([...bodies, ...bodies]),
        }),
      receive: ({ maxMessages, waitMs, signal }) =>
        machine.call(`${name}.receive`, receives, {
          whole: (faulty) =>
            faulty ? take(maxMessages, machine, true) : receive(machine, maxMessages, waitMs, signal),
          partly: () => void take(maxMessages, machine, true),
          oddly: (kind) => take(maxMessages, machine, true, kind),
        }),
      delete: (receipts) =>
        machine.call(`${name}.delete`, changes, {
          whole: () => remove(receipts),
          partly: () => remove(half(receipts)),
        }),
      changeVisibility: (receipts, ms) =>
        machine.call(`${name}.changeVisibility`, changes, {
          whole: () => change(receipts, ms),
          partly: () => change(half(receipts), ms),
        }),
    }),
  };
}
