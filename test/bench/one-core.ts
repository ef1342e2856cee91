import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Restricts processes to one core while `work` runs, with all their threads and the processes that they start. `held`
 * is false if the system has no `taskset` (a Linux command); then the processes run on any core.
 */
export async function onOneCore<T>(pids: readonly number[], work: (held: boolean) => Promise<T>): Promise<T> {
  const before = await Promise.all(pids.map(allowedCores)).catch(() => undefined);
  const core = before?.[0]?.split(/[,-]/).at(-1);
  if (before === undefined || core === undefined) return work(false);
  try {
    await Promise.all(pids.map((pid) => allow(pid, core)));
    return await work(true);
  } finally {
    await Promise.all(pids.map((pid, i) => allow(pid, before[i] ?? core)));
  }
}

/** Cores that a process may use, as taskset prints them: `0-3,6`. */
async function allowedCores(pid: number): Promise<string> {
  const { stdout } = await run('taskset', ['-c', '-p', `${pid}`]);
  return stdout.trim().split(': ').at(-1) ?? '';
}

async function allow(pid: number, cores: string): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', cores, `${pid}`]);
}
