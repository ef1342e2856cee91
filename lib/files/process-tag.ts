import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from '../ports/error.ts';

/** Distinguishes this process from an earlier one with the same id. */
const token = randomUUID().slice(0, 8);

const host = hostname()
  .replace(/[^A-Za-z0-9]/g, '_')
  .slice(0, 64);

/** `<host>-<process id>-<token>`. Names of temporary files contain it, so that others know whether their writer is alive. */
export const processTag = `${host}-${process.pid}-${token}`;

/** Matches a tag, as part of a regular expression. */
export const tagPattern = '[A-Za-z0-9_]+-\\d+-[0-9a-f]+';

/** Whether the process of a tag has ended; undefined for processes of other machines. */
export function hasEnded(tag: string): boolean | undefined {
  const [owner, pid] = tag.split('-');
  if (owner !== host) return undefined;
  return Number(pid) === process.pid ? tag !== processTag : !isAlive(Number(pid));
}

/** Whether a process of this machine runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM means that the process runs and belongs to another user.
    return errorCode(error) !== 'ESRCH';
  }
  return !isZombie(pid);
}

/** Linux accepts signals to zombies (Z) and to processes that are being removed (X). Without /proc, returns false. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): `pid (name) state …`. The name may contain any character, also `)`.
    return 'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
