import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from '../ports/error.ts';

/** Tells this process from an earlier one that had the same id. */
const token = randomUUID().slice(0, 8);

const host = hostname()
  .replace(/[^A-Za-z0-9]/g, '_')
  .slice(0, 64);

/** `<host>-<process id>-<token>`: in the names of its unfinished files, it tells whether anybody still writes them. */
export const processTag = `${host}-${process.pid}-${token}`;

/** A tag, as a part of a regular expression. */
export const tagPattern = '[A-Za-z0-9_]+-\\d+-[0-9a-f]+';

/** Whether the process of a tag has ended; undefined where it ran on another machine. */
export function hasEnded(tag: string): boolean | undefined {
  const [owner, pid] = tag.split('-');
  if (owner !== host) return undefined;
  return Number(pid) === process.pid ? tag !== processTag : !isAlive(Number(pid));
}

/** Whether a process of this machine still runs. One that has ended, but that its parent has not yet asked for, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but is somebody else's.
    return errorCode(error) !== 'ESRCH';
  }
  return !isZombie(pid);
}

/** Linux takes signals for a zombie (Z) and a process that is being removed (X) too; where there is no /proc, false. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): `pid (name) state …`, and the name may hold anything.
    return 'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
