import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Our folder in the user's cache: `image-gpt-serverless` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function userCache({ XDG_CACHE_HOME: cache = '' }: NodeJS.ProcessEnv = process.env): string {
  // An empty or relative path is ignored (XDG Base Directory Specification).
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'image-gpt-serverless');
}
