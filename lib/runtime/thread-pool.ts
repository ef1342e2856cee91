// Threads inherit the variable but cannot set it for the process.

import './telemetry-off.ts';
import { Worker } from 'node:worker_threads';
import { compileCacheEnvironment } from '../local/compile-cache.ts';
import { InstallationError, TransientError } from '../ports/error.ts';
import { createNativeGate, type NativeGate, shutGates } from './native-gate.ts';
import type { ErrorMessage, FromThread, ThreadStart, ToThread } from './thread-port.ts';

export interface ThreadPoolOptions {
  /** The file that each thread executes; it calls `serve` of thread-port.ts. */
  file: URL;
  /** The argument of each thread's `serve`, as a structured clone. */
  data: unknown;
  /** Number of threads. */
  threads: number;
}

export interface ThreadPool<R, I, O> {
  /** `info` of a thread's service. */
  readonly info: R;
  /**
   * Gives a task to the thread with the fewest tasks, which executes them in order. Rejects with a TransientError when
   * the task fails or its thread stops.
   */
  execute(input: I): Promise<O>;
  /** Waits for all tasks, then ends the threads. */
  close(): Promise<void>;
}

/** A thread cannot be opened. `code` and message are those of the error in it. */
export class ThreadUnusableError extends InstallationError {}

/** Largest number of idle threads in a row that stop and are replaced. Without a limit, it might never end. */
const maxIdleDeaths = 3;

interface Task<I, O> {
  input: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

interface Member<I, O> {
  thread: Worker;
  gate: NativeGate;
  ready: boolean;
  /** Given to the thread and unfinished, oldest first. The first is in progress. */
  tasks: Task<I, O>[];
  exited: Promise<void>;
}

/**
 * Opens a fixed number of threads. A thread that stops fails only the task in progress; its other tasks go to other
 * threads, and a new thread replaces it.
 *
 * @throws ThreadUnusableError when a thread cannot be opened
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
    const thread = new Worker(options.file, {
      workerData: start,
      env: { ...process.env, ...compileCacheEnvironment() },
    });
    const exit = Promise.withResolvers<void>();
    const member: Member<I, O> = { thread, gate, ready: false, tasks: [], exited: exit.promise };
    let cause: Error | undefined;
    members.add(member);
    thread.on('message', (message: FromThread<R, O>) => receive(member, message));
    thread.on('error', (error: Error) => {
      cause = error;
    });
    thread.on('exit', () => {
      exit.resolve();
      replace(member, cause);
    });
  }

  function receive(member: Member<I, O>, message: FromThread<R, O>): void {
    switch (message.type) {
      case 'ready':
        member.ready = true;
        readyCount++;
        if (readyCount === options.threads) {
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

  function replace(member: Member<I, O>, cause: Error | undefined): void {
    members.delete(member);
    const [begun, ...untouched] = member.tasks;
    begun?.reject(
      new TransientError('worker_died', 'The thread stopped while it computed this task. Try again.', { cause }),
    );
    unassigned.unshift(...untouched);
    if (closing || broken !== undefined) {
      return;
    }
    idleDeaths = begun === undefined ? idleDeaths + 1 : 0;
    if (!member.ready) {
      giveUp(
        new ThreadUnusableError(
          'worker_unusable',
          'Expected a thread to open, but it stopped before it was ready; the cause says why.',
          { cause },
        ),
      );
    } else if (idleDeaths > maxIdleDeaths) {
      giveUp(
        new ThreadUnusableError(
          'worker_unusable',
          'Expected idle threads to wait for tasks, but they stop again and again; the cause says why.',
          { cause },
        ),
      );
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
    void endThreads();
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
    member.thread.postMessage(message);
  }

  /** Lets threads finish their tasks. terminate() would abort the process: see native-gate.ts. */
  function endThreads(): Promise<void> {
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
  for (let i = 0; i < options.threads; i++) {
    spawn();
  }
  const info = await opened.promise.catch(async (error: unknown) => {
    await endThreads();
    throw error;
  });

  return {
    info,
    execute(input) {
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
      await endThreads();
    },
  };
}

function taskError({ code, message }: ErrorMessage): TransientError {
  return new TransientError(code ?? 'inference_failed', message);
}
