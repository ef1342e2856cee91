import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface WorkerProcess {
  /** What it has printed, line by line. */
  lines: string[];
  /** Resolves when a line holds `text`; rejects when the process ends before. */
  says(text: string): Promise<string>;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  /** Exit code; null when a signal ended it. */
  exited: Promise<number | null>;
}

/** The worker's entry, or another of its image, as its container runs it, with this environment and nothing else. */
export function startWorker(environment: Record<string, string>, entry = 'functions/worker/main.ts'): WorkerProcess {
  const { PATH: path = '' } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', entry)], {
    env: { PATH: path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  return {
    lines,
    exited: once(child, 'close').then(([code]) => code),
    signal: (name) => void child.kill(name),
    says(text) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = (): void => {
        const line = lines.find((line) => line.includes(text));
        if (line !== undefined) resolve(line);
      };
      waiting.add(look);
      child.once('close', () => reject(new Error(`Expected "${text}", but the worker ended: ${lines.join('\n')}`)));
      look();
      return promise.finally(() => waiting.delete(look));
    },
  };
}
