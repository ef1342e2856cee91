import { readFileSync } from 'node:fs';
import { errorCode } from './file-error.ts';

/** Whether a process of this machine still runs. One that has ended, but that its parent has not yet asked for, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but is somebody else's.
    return errorCode(error) !== 'ESRCH';
  }
  return !hasEnded(pid);
}

/** Linux takes signals for a zombie (Z) and a process that is being removed (X) too; where there is no /proc, false. */
function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): `pid (name) state …`, and the name may hold anything.
    return 'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
