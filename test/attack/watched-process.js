// Preloaded into a command that is attacked (`node --import`). It refuses connections that leave this machine, makes
// long waits short, and reports at the end what was refused and the peak of memory, into the folder ATTACK_REPORTS.
import { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import timers from 'node:timers/promises';

/** Waits from this length on are divided by `speed` (milliseconds). */
const longWaitMs = 500;
const speed = 20;

/** @param {number | undefined} ms */
const shortened = (ms) => (ms !== undefined && ms >= longWaitMs ? ms / speed : ms);

const { setTimeout: wait } = globalThis;
/** @type {(callback: (...args: any[]) => void, ms?: number, ...args: any[]) => NodeJS.Timeout} */
const waitShorter = (callback, ms, ...args) => wait(callback, shortened(ms), ...args);
globalThis.setTimeout = Object.assign(waitShorter, wait);
const { setTimeout: pause } = timers;
timers.setTimeout = (ms, ...args) => pause(shortened(ms), ...args);
syncBuiltinESMExports();

/** @type {string[]} */
const refused = [];
const { connect } = Socket.prototype;
/** @param {any[]} args */
Socket.prototype.connect = function (...args) {
  // Node passes its own calls as one list, with the options first.
  const [options] = args.flat();
  const host = options?.host ?? options?.hostname ?? (options?.path === undefined ? 'localhost' : undefined);
  if (host !== undefined && !/^(127\.|localhost$|::1$)/.test(host)) {
    refused.push(`${host}:${options?.port}`);
    queueMicrotask(() => this.destroy(new Error(`connections to ${host} are refused here`)));
    return this;
  }
  return connect.apply(this, /** @type {any} */ (args));
};

process.on('exit', () => {
  const { ATTACK_REPORTS: folder } = process.env;
  if (folder === undefined) return;
  const kibibytes = Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify({ refused, peakBytes: kibibytes * 1024 }));
});
