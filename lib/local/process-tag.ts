import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAlive } from './is-alive.ts';

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
