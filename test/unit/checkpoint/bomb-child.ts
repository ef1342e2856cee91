import { readFileSync } from 'node:fs';
import { importCheckpoint } from '../../../lib/checkpoint/import/import-checkpoint.ts';
import { ImageGptError } from '../../../lib/ports/error.ts';

/** Imports argv[2] to argv[3] in a process of its own, and prints what came of it and what it took. */
const [, , from = '', to = ''] = process.argv;
const message = await importCheckpoint(from, to).then(
  () => 'imported',
  (error: unknown) => {
    if (error instanceof ImageGptError) return error.message;
    throw error;
  },
);
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({ message, megabytes: (peak() ?? maxRSS) / 1000, seconds: (userCPUTime + systemCPUTime) / 1e6 }),
);

/** Most memory of this process (kB). On Linux, maxRSS holds that of the parent before it started us. */
function peak(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
