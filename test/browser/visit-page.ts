import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** Kept for people to look at, and git-ignored. */
export const SCREENSHOTS = join(import.meta.dirname, '..', 'screenshots');

/** Runs where a key or a label is not escaped. */
export const HOSTILE = `</script><script>window.hurt=1</script><img src=x onerror="window.hurt=1">`;

/** Opens a page; at the end there must have been no complaint. Resolves to the URLs that it asked for. */
export async function visitPage(
  browser: Browser,
  url: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<string[]> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 1000 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  await look(page);
  expect(complaints).toEqual([]);
  await context.close();
  return requests;
}

/** What the pictures of a report page are called, in their order. */
export const pictureNames = (page: Page): Promise<string[]> => page.locator('#pictures h3').allTextContents();
