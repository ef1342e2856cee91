import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { z } from 'zod';

/**
 * Runs a module in its own process, where nothing else takes memory. `globalThis.gc` is available there.
 *
 * @param report schema of the JSON that the module prints
 */
export async function inOwnProcess<T>(module: string, args: readonly string[], report: z.ZodType<T>): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', module, ...args]);
  return report.parse(JSON.parse(stdout));
}
