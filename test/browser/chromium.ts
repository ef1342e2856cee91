import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Path of the machine's Chromium. That there is none is a reason to skip tests, but an error in CI: there it must be
 * had (`apt-get install chromium`).
 */
export function chromiumPath(): string | undefined {
  const { PATH = '', CI: ci } = process.env;
  const found = PATH.split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable);
  if (found === undefined && ci === 'true') throw new Error('Expected Chromium in CI, but none is on the PATH.');
  return found;
}

/** A headless browser without network: the page must need none. */
export async function launchChromium(executablePath: string): Promise<Browser> {
  // Chromium refuses its sandbox to root, who runs CI; it only sees pages of ours.
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
