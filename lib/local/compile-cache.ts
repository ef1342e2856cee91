import module from 'node:module';
import { dirname } from 'node:path';

/**
 * Environment variables that share this process's compile cache with a thread or child process; none if the cache is off.
 * Without them, each thread strips types and compiles again.
 */
export function compileCacheEnvironment(): { NODE_COMPILE_CACHE?: string } {
  // Node reports a folder per version, below the folder that was enabled.
  const folder = module.getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
