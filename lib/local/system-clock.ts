import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../pipeline/ports.ts';

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    // An abort only shortens the sleep; it is not an error.
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
};
