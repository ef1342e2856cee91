import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** Screenshots for people to check at; git-ignored. */
export const screenshotFolder = join(import.meta.dirname, '..', 'screenshots');

/** A key or label whose script runs where it is not escaped. */
export const hostileText = `</script><script>window.hurt=1</script><img src=x onerror="window.hurt=1">`;

/** Opens a page, runs `check`, and expects no errors on the console. Resolves with the URLs that the page requested. */
export async function visitPage(
  browser: Browser,
  url: string,
  check: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<string[]> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 1000 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  await check(page);
  expect(errors).toEqual([]);
  await context.close();
  return requests;
}

/** Names of the pictures on a report page, in order. */
export const pictureNames = (page: Page): Promise<string[]> => page.locator('#pictures h3').allTextContents();
