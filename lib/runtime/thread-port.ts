import { parentPort, workerData } from 'node:worker_threads';
import { errorCode } from '../ports/error.ts';
import { insideGate, type NativeGate } from './native-gate.ts';

/** What every thread of a pool is started with. */
export interface ThreadStart<D> {
  gate: NativeGate;
  /** The argument of the thread's `open`. */
  data: D;
}

/** An error as a message between threads. A structured clone of the error itself would lose `code`. */
export interface ErrorMessage {
  /** Absent for unexpected errors. */
  code?: string | undefined;
  message: string;
}

/** Messages to a thread. */
export type ToThread<I> = { type: 'task'; input: I } | { type: 'close' };

/** Messages from a thread. It answers tasks in the order in which it received them. */
export type FromThread<R, O> =
  | { type: 'ready'; info: R }
  | { type: 'unusable'; error: ErrorMessage }
  | { type: 'done'; output: O }
  | { type: 'failed'; error: ErrorMessage };

/** What an open thread does. */
export interface Service<R, I, O> {
  /** Facts for the pool. */
  info: R;
  execute(input: I): Promise<O>;
  close(): Promise<void>;
}

/**
 * Serves a pool from inside one of its threads: opens, reports that it is ready, executes tasks one by one, and closes
 * on request. An error of a task is sent back and does not stop the thread.
 */
export async function serve<D, R, I, O>(open: (data: D) => Promise<Service<R, I, O>>): Promise<void> {
  const port = parentPort;
  const { gate, data }: ThreadStart<D> = workerData;
  if (port === null) {
    throw new Error('Expected to be started by a thread pool, received no message port.');
  }
  const send = (message: FromThread<R, O>) => port.postMessage(message);
  let service: Service<R, I, O>;
  try {
    service = await insideGate(gate, () => open(data));
  } catch (error) {
    send({ type: 'unusable', error: toMessage(error) });
    return;
  }
  let last = Promise.resolve();
  port.on('message', (message: ToThread<I>) => {
    last = last.then(() => (message.type === 'task' ? execute(message.input) : close()));
  });
  send({ type: 'ready', info: service.info });

  async function execute(input: I): Promise<void> {
    try {
      send({ type: 'done', output: await insideGate(gate, () => service.execute(input)) });
    } catch (error) {
      send({ type: 'failed', error: toMessage(error) });
    }
  }

  async function close(): Promise<void> {
    await insideGate(gate, service.close);
    port?.close();
  }
}

function toMessage(error: unknown): ErrorMessage {
  return { code: errorCode(error), message: error instanceof Error ? error.message : String(error) };
}
