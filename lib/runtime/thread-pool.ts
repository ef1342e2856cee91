// Threads inherit the variable, but cannot set it for the process themselves.

import './telemetry-off.ts';
import { Worker } from 'node:worker_threads';
import { ImageGptError, TransientError } from '../ports/error.ts';
import { createNativeGate, type NativeGate, shutGates } from './native-gate.ts';
import type { ErrorMessage, FromThread, ThreadStart, ToThread } from './thread-port.ts';

export interface ThreadPoolOptions {
  /** The worker's file; it calls `serve` of worker-port.ts. */
  file: URL;
  /** Given to every worker's `serve`; structured clone. */
  data: unknown;
  /** Threads. */
  workers: number;
}

export interface ThreadPool<R, I, O> {
  /** What the first worker said of itself. */
  readonly info: R;
  /**
   * Hands a task to the worker with the least to do; its tasks are done in order. Rejects with a TransientError when the
   * task fails or its worker dies on it.
   */
  run(input: I): Promise<O>;
  /** Lets every worker finish what it has, then ends it. */
  close(): Promise<void>;
}

/** A worker thread could not be opened: `code` and message are those of what went wrong in it. */
export class ThreadUnusableError extends ImageGptError {}

/** Workers that die without a task in hand are replaced too, but not for ever: so many in a row, and no task is to blame. */
const maxIdleDeaths = 3;

interface Task<I, O> {
  input: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

interface Member<I, O> {
  worker: Worker;
  gate: NativeGate;
  ready: boolean;
  /** Handed over, oldest first: the first is being worked on, and is the next to be answered. */
  tasks: Task<I, O>[];
  exited: Promise<void>;
}

/**
 * Opens a fixed number of worker threads. One that dies costs the task that it was working on; what it had not begun
 * goes to the others, and another takes its place.
 *
 * @throws ThreadUnusableError when a worker cannot be opened
 */
export async function openThreadPool<R, I, O>(options: ThreadPoolOptions): Promise<ThreadPool<R, I, O>> {
  const members = new Set<Member<I, O>>();
  const unassigned: Task<I, O>[] = [];
  const opened = Promise.withResolvers<R>();
  let readyCount = 0;
  let idleDeaths = 0;
  let closing = false;
  let broken: Error | undefined;
  let ended: Promise<void> | undefined;

  function spawn(): void {
    const gate = createNativeGate();
    const start: ThreadStart<unknown> = { gate, data: options.data };
    const worker = new Worker(options.file, { workerData: start });
    const exit = Promise.withResolvers<void>();
    const member: Member<I, O> = { worker, gate, ready: false, tasks: [], exited: exit.promise };
    let cause: Error | undefined;
    members.add(member);
    worker.on('message', (message: FromThread<R, O>) => hear(member, message));
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.on('exit', () => {
      exit.resolve();
      bury(member, cause);
    });
  }

  function hear(member: Member<I, O>, message: FromThread<R, O>): void {
    switch (message.type) {
      case 'ready':
        member.ready = true;
        readyCount++;
        if (readyCount === options.workers) {
          opened.resolve(message.info);
        }
        assign();
        break;
      case 'unusable':
        giveUp(new ThreadUnusableError(message.error.code ?? 'worker_unusable', message.error.message));
        break;
      case 'done':
        idleDeaths = 0;
        member.tasks.shift()?.resolve(message.output);
        break;
      case 'failed':
        idleDeaths = 0;
        member.tasks.shift()?.reject(taskError(message.error));
        break;
    }
  }

  function bury(member: Member<I, O>, cause: Error | undefined): void {
    members.delete(member);
    const [begun, ...untouched] = member.tasks;
    begun?.reject(
      new TransientError('worker_died', 'The worker thread died while it worked on this batch.', { cause }),
    );
    unassigned.unshift(...untouched);
    if (closing || broken !== undefined) {
      return;
    }
    idleDeaths = begun === undefined ? idleDeaths + 1 : 0;
    if (!member.ready) {
      giveUp(new ThreadUnusableError('worker_unusable', 'A worker thread died before it was ready.', { cause }));
    } else if (idleDeaths > maxIdleDeaths) {
      giveUp(new ThreadUnusableError('worker_unusable', 'Worker threads keep dying without any work.', { cause }));
    } else {
      spawn();
      assign();
    }
  }

  function giveUp(error: Error): void {
    if (broken !== undefined) {
      return;
    }
    broken = error;
    opened.reject(broken);
    for (const task of [...unassigned.splice(0), ...[...members].flatMap((member) => member.tasks.splice(0))]) {
      task.reject(broken);
    }
    void endWorkers();
  }

  function assign(): void {
    for (let member = leastBusy(); member !== undefined; member = leastBusy()) {
      const task = unassigned.shift();
      if (task === undefined) {
        return;
      }
      member.tasks.push(task);
      post(member, { type: 'task', input: task.input });
    }
  }

  function leastBusy(): Member<I, O> | undefined {
    let best: Member<I, O> | undefined;
    for (const member of members) {
      if (member.ready && (best === undefined || member.tasks.length < best.tasks.length)) {
        best = member;
      }
    }
    return best;
  }

  function post(member: Member<I, O>, message: ToThread<I>): void {
    member.worker.postMessage(message);
  }

  /** Lets each finish what it is at; never by terminate(): see native-gate.ts. */
  function endWorkers(): Promise<void> {
    ended ??= (async () => {
      const all = [...members];
      for (const member of all) {
        post(member, { type: 'close' });
      }
      await Promise.all(all.map((member) => member.exited));
      process.off('exit', atExit);
    })();
    return ended;
  }

  function atExit(): void {
    shutGates([...members].map((member) => member.gate));
  }

  process.on('exit', atExit);
  for (let i = 0; i < options.workers; i++) {
    spawn();
  }
  const info = await opened.promise.catch(async (error: unknown) => {
    await endWorkers();
    throw error;
  });

  return {
    info,
    run(input) {
      if (broken !== undefined) {
        return Promise.reject(broken);
      }
      const { promise, resolve, reject } = Promise.withResolvers<O>();
      unassigned.push({ input, resolve, reject });
      assign();
      return promise;
    },
    async close() {
      closing = true;
      await endWorkers();
    },
  };
}

function taskError({ code, message }: ErrorMessage): TransientError {
  return new TransientError(code ?? 'inference_failed', message);
}
