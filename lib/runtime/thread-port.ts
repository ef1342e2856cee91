import { parentPort, workerData } from 'node:worker_threads';
import { errorCode } from '../ports/error.ts';
import { insideGate, type NativeGate } from './native-gate.ts';

/** What every worker thread is started with. */
export interface ThreadStart<D> {
  gate: NativeGate;
  /** For the worker's own use. */
  data: D;
}

/** An error on its way between threads: structured clone would drop `code`. */
export interface ErrorMessage {
  /** Absent for errors that nobody expected. */
  code?: string;
  message: string;
}

/** What a worker thread is told. */
export type ToThread<I> = { type: 'task'; input: I } | { type: 'close' };

/** What a worker thread says; it answers tasks in the order in which they came. */
export type FromThread<R, O> =
  | { type: 'ready'; info: R }
  | { type: 'unusable'; error: ErrorMessage }
  | { type: 'done'; output: O }
  | { type: 'failed'; error: ErrorMessage };

/** What a worker thread does, once it is open. */
export interface Service<R, I, O> {
  /** What the pool should know of the open worker. */
  info: R;
  run(input: I): Promise<O>;
  close(): Promise<void>;
}

/**
 * Serves a pool from inside a worker thread: opens, says that it is ready, works on one task after the other, closes
 * when told to. An error of one task is sent back; the next task is taken all the same.
 */
export async function serve<D, R, I, O>(open: (data: D) => Promise<Service<R, I, O>>): Promise<void> {
  const port = parentPort;
  const { gate, data }: ThreadStart<D> = workerData;
  if (port === null) {
    throw new Error('A worker file can only be run in a worker thread.');
  }
  const say = (message: FromThread<R, O>) => port.postMessage(message);
  let service: Service<R, I, O>;
  try {
    service = await insideGate(gate, () => open(data));
  } catch (error) {
    say({ type: 'unusable', error: toMessage(error) });
    return;
  }
  let last = Promise.resolve();
  port.on('message', (message: ToThread<I>) => {
    last = last.then(() => (message.type === 'task' ? work(message.input) : close()));
  });
  say({ type: 'ready', info: service.info });

  async function work(input: I): Promise<void> {
    try {
      say({ type: 'done', output: await insideGate(gate, () => service.run(input)) });
    } catch (error) {
      say({ type: 'failed', error: toMessage(error) });
    }
  }

  async function close(): Promise<void> {
    await insideGate(gate, service.close);
    port?.close();
  }
}

function toMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) {
    return { message: String(error) };
  }
  const code = errorCode(error);
  return code === undefined ? { message: error.message } : { code, message: error.message };
}
