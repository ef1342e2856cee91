import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Private memory of a process, without the pages of mapped files (bytes). */
export async function anonymousMemory(pid: number | 'self'): Promise<number> {
  return (await statusBytes(pid, 'RssAnon')) ?? 0;
}

/** Pages of mapped files that a process has in memory (bytes). Other processes may share them. */
export async function mappedMemory(pid: number | 'self'): Promise<number> {
  return (await statusBytes(pid, 'RssFile')) ?? 0;
}

/** Poll interval (milliseconds): short, because a peak lasts seconds. */
const pollMs = 25;

/** Peak memory (RSS, bytes) of a process and its descendants together until `ended`; Linux only. */
export async function peakMemory(pid: number, ended: Promise<unknown>): Promise<number> {
  let peak = 0;
  let over = false;
  const end = ended.finally(() => {
    over = true;
  });
  while (!over) {
    const sizes = await Promise.all((await descendants(pid)).map((one) => statusBytes(one, 'VmRSS')));
    peak = Math.max(
      peak,
      sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    );
    await Promise.race([end, pause(pollMs)]);
  }
  await end;
  return peak;
}

/** A process and all processes below it; Linux only. */
export async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const children = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const pids = children.join(' ').split(/\s+/).filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(pids.map(descendants))).flat()];
}

/** A field of /proc/PID/status in bytes; undefined if the process has ended. */
export async function statusBytes(pid: number | 'self', field: string): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kibibytes = status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
