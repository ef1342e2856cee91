import module from 'node:module';
import { dirname } from 'node:path';

/**
 * The environment in which a thread or child process of ours shares this process's compile cache; empty where the cache
 * is off. Node inherits the cache by this variable only: without it, each thread strips types and compiles anew.
 */
export function compileCacheEnvironment(): { NODE_COMPILE_CACHE?: string } {
  // Below the folder that was enabled, Node has one folder per version.
  const folder = module.getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
