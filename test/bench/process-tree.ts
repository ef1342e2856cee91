import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Bytes of one process that no other has: memory of its own, without the pages of mapped files. */
export async function anonymousMemory(pid: number | 'self'): Promise<number> {
  return (await statusBytes(pid, 'RssAnon')) ?? 0;
}

/** Bytes of mapped files that one process holds in memory; others may share them, and the system may drop them. */
export async function mappedMemory(pid: number | 'self'): Promise<number> {
  return (await statusBytes(pid, 'RssFile')) ?? 0;
}

/** Time between two looks, ms: short against the seconds that a peak lasts. */
const LOOK = 25;

/** The largest memory (RSS, bytes) that a process and its descendants had together until `ended`; Linux only. */
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
    await Promise.race([end, pause(LOOK)]);
  }
  await end;
  return peak;
}

async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const children = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const pids = children.join(' ').split(/\s+/).filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(pids.map(descendants))).flat()];
}

/** A field of /proc/PID/status in bytes; undefined when the process is gone. */
async function statusBytes(pid: number | 'self', field: string): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kibibytes = status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
