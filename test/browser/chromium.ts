import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Path of Chromium on this machine; undefined if it is not installed, so that tests can be skipped.
 *
 * @throws Error in CI, where it must be installed
 */
export function chromiumPath(): string | undefined {
  const { PATH = '', CI: ci } = process.env;
  const found = PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
  if (found === undefined && ci === 'true')
    throw new Error('Expected Chromium on the PATH in CI, found none. Install it: apt-get install chromium.');
  return found;
}

/** Starts a headless Chromium. */
export async function launchChromium(executablePath: string): Promise<Browser> {
  // CI runs as root, where Chromium's sandbox does not work. The browser opens only our own pages.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
