import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface WorkerProcess {
  /** Lines that it has printed so far. */
  lines: string[];
  /** Resolves with the first line that contains `text`; rejects if the process ends before. */
  says(text: string): Promise<string>;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  /** Exit code; null if a signal killed it. */
  exited: Promise<number | null>;
}

/** Starts the worker's entry, or another entry of its image, with this environment and PATH only. */
export function startWorker(environment: Record<string, string>, entry = 'functions/worker/main.ts'): WorkerProcess {
  const { PATH: path = '' } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', entry)], {
    env: { PATH: path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return watchProcess(child);
}

/** Gathers the lines that a process prints. */
export function watchProcess(child: ChildProcessByStdio<null, Readable, Readable>): WorkerProcess {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      for (const check of waiting) check();
    });
  }
  return {
    lines,
    exited: once(child, 'close').then(([code]) => code),
    signal: (name) => void child.kill(name),
    says(text) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const check = (): void => {
        const line = lines.find((line) => line.includes(text));
        if (line !== undefined) resolve(line);
      };
      waiting.add(check);
      child.once('close', () => reject(new Error(`Expected "${text}", but the process ended: ${lines.join('\n')}`)));
      check();
      return promise.finally(() => waiting.delete(check));
    },
  };
}
