import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where files that can be made again are kept: IGPT_CACHE, else the user's cache folder. */
export function derivedFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { IGPT_CACHE: chosen = '', XDG_CACHE_HOME: cache = '' } = env;
  return chosen !== ''
    ? chosen
    : join(cache !== '' ? cache : join(homedir(), '.cache'), 'image-gpt-serverless', 'derived');
}
