import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { z } from 'zod';

/**
 * Runs a module in a process of its own, where nothing else takes memory, with `globalThis.gc`.
 *
 * @param report what it prints on standard output, as JSON
 */
export async function inOwnProcess<T>(module: string, args: readonly string[], report: z.ZodType<T>): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', module, ...args]);
  return report.parse(JSON.parse(stdout));
}
