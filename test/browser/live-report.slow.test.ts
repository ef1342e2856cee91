import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLiveReport } from '../../lib/report/live-report.ts';
import { reportPage } from '../../lib/report/report-page.ts';
import { openReportServer } from '../../lib/report/report-server.ts';
import { finished, startIgpt, temporaryFolder } from '../cli/igpt-process.ts';
import { writePicture, writePictures } from '../cli/picture-folder.ts';
import { servedAt } from '../cli/served-at.ts';
import { reportAbout, reportRowAt, reportRowsOf } from '../support/report-rows.ts';
import { axe } from './axe.ts';
import { chromiumPath, launchChromium } from './chromium.ts';
import { hostileText, pictureNames, screenshotFolder, visitPage } from './visit-page.ts';

const executable = chromiumPath();

describe.skipIf(executable === undefined)('the live report in Chromium', () => {
  const folder = temporaryFolder();
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(screenshotFolder, { recursive: true });
    browser = await launchChromium(executable ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    folder[Symbol.dispose]();
  });

  /** Opens a page; expects no errors, and requests only to the page's own server. */
  async function open(url: string, check: (page: Page) => Promise<void>, options = {}): Promise<void> {
    const requests = await visitPage(browser, url, check, options);
    expect(requests.filter((request) => !request.startsWith(url) && !request.startsWith('data:'))).toEqual([]);
  }

  /** Serves a live report without a run. */
  async function serve(port = 0) {
    const live = createLiveReport();
    const dropped: string[] = [];
    const server = await openReportServer({
      port,
      live,
      maxBytes: 1000,
      page: () => reportPage(reportRowsOf([]), reportAbout, { live: { maxBytes: 1000, folder: 'pictures/dropped' } }),
      async drop(name, body) {
        await Array.fromAsync(body);
        dropped.push(name);
        return `dropped/${name}`;
      },
    });
    return {
      live,
      dropped,
      url: server.url,
      /** Stops the server without telling the pages. */
      kill: () => server.close(),
      async [Symbol.asyncDispose]() {
        live.end();
        await server.close();
      },
    };
  }

  /** Drops files on the page, as a user would. */
  async function drop(page: Page, files: { name: string; bytes: Buffer }[]): Promise<void> {
    const list = files.map(({ name, bytes }) => [name, bytes.toString('base64')]);
    const carried = await page.evaluateHandle(`(() => {
      const carried = new DataTransfer();
      for (const [name, base64] of ${JSON.stringify(list)}) {
        carried.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
      }
      return carried;
    })()`);
    await page.dispatchEvent('main', 'dragover', { dataTransfer: carried });
    await page.screenshot({ path: join(screenshotFolder, 'live-dragged-over.png') });
    await page.dispatchEvent('main', 'drop', { dataTransfer: carried });
  }

  test('of a real run grows, accepts dropped and chosen pictures, and stays when the run has ended', async () => {
    const pictures = join(folder.path, 'pictures');
    await writePictures(pictures, 2);
    const args = ['run', 'pictures', '--out', 'out', '--serve', '0', '--workers', '1', '--max-megabytes', '1'];
    const child = startIgpt(args, { cwd: folder.path });
    const url = servedAt(child);
    const end = finished(child);
    await open(await url, async (page) => {
      await expect.poll(() => pictureNames(page), { timeout: 30_000 }).toEqual(['000.png', '001.png']);
      expect(await page.locator('#live-words').textContent()).toMatch(/^2 of 2 pictures/);

      await writePicture(join(pictures, 'late.png'), 50);
      await expect.poll(() => pictureNames(page), { timeout: 30_000 }).toContain('late.png');

      const bytes = readFileSync(join(pictures, '001.png'));
      await drop(page, [
        { name: 'on a whim.png', bytes },
        { name: 'on a whim.png', bytes },
        { name: 'huge.png', bytes: Buffer.alloc(1_000_001) },
      ]);
      const line = page.locator('#sent > li', { hasText: 'dropped/on a whim.png' });
      await expect
        .poll(() => line.textContent(), { timeout: 30_000 })
        .toMatch(/: \w+, [\d.]+ %, [\d.]+ nats per token$/);
      await expect.poll(() => pictureNames(page)).toContain('dropped/on a whim (2).png');
      expect(await page.locator('#sent > li', { hasText: 'huge.png' }).textContent()).toBe(
        'huge.png: larger than 1 MB (--max-megabytes)',
      );
      expect(await page.locator('#sent-words').textContent()).toBe('2 of 3 pictures sent, 1 failed');

      // With the keyboard alone, and with a file that is not a picture: it gets a failed outcome.
      const choice = page.waitForEvent('filechooser');
      await page.getByRole('button', { name: 'Choose pictures' }).focus();
      await page.keyboard.press('Enter');
      await (await choice).setFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
      const failed = page.locator('#sent > li', { hasText: 'notes.png' });
      await expect.poll(() => failed.textContent(), { timeout: 30_000 }).toMatch(/: failed, unsupported_format: /);
      await page.getByRole('button', { name: 'dropped/notes.png' }).press('Enter');
      await expect.poll(() => pictureNames(page)).toEqual(['dropped/notes.png']);
      expect(await page.locator('#pictures .failure strong').textContent()).toBe('unsupported_format');
      await page.getByRole('button', { name: 'Reset' }).click();
      await expect.poll(() => pictureNames(page)).toHaveLength(6);

      expect(await axe(page)).toEqual([]);
      await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: join(screenshotFolder, 'live-light.png'), fullPage: true });
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await axe(page)).toEqual([]);
      await page.screenshot({ path: join(screenshotFolder, 'live-dark.png'), fullPage: true });

      child.kill('SIGINT');
      await page.getByText('igpt has ended').waitFor();
      expect(await pictureNames(page)).toHaveLength(6);
      expect(await axe(page)).toEqual([]);
    });
    const { code, stderr } = await end;
    expect(code, stderr).toBe(130);
    expect(readdirSync(join(pictures, 'dropped')).toSorted()).toEqual([
      'notes.png',
      'on a whim (2).png',
      'on a whim.png',
    ]);
    // The report file has the thumbnails too.
    expect(readFileSync(join(folder.path, 'out', 'report.html'), 'utf8').match(/"thumbnail"/g)).toHaveLength(5);
  });

  test('keeps filter, focus and cards while rows come, and shows hostile names as text', async () => {
    await using served = await serve();
    const { live, url } = served;
    for (let i = 0; i < 8; i++) live.put(reportRowAt(i));
    await open(url, async (page) => {
      await expect.poll(() => pictureNames(page)).toHaveLength(8);
      await page.locator('#label').selectOption('dog');
      await page.getByRole('button', { name: 'ship' }).focus();
      const before = await page.locator('#pictures > li').first().elementHandle();
      live.put(reportRowAt(8, { key: `${hostileText}.jpg`, classes: [{ label: hostileText, probability: 1 }] }));
      live.put(reportRowAt(9));
      live.put(reportRowAt(5, { nats: 0.125 }));
      await expect.poll(() => pictureNames(page)).toEqual([1, 5, 9].map((i) => `folder/picture ${i}.jpg`));
      await expect.poll(() => page.locator('#pictures').textContent()).toContain('0.125 nats per token');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('ship');
      expect(await before?.evaluate((card) => card.isConnected)).toBe(true);
      expect(await page.locator('#figures').textContent()).toMatch(/^pictures10/);

      await page.locator('#label').selectOption(hostileText);
      expect(await pictureNames(page)).toEqual([`${hostileText}.jpg`]);
      await drop(page, [{ name: `${hostileText.replaceAll('/', '')}.png`, bytes: Buffer.from('x') }]);
      await page.locator('#sent').getByText('waiting for the model').waitFor();
      expect(await page.evaluate('"hurt" in window')).toBe(false);
    });
  });

  test('counts many dropped pictures, and lists the last ones', async () => {
    await using served = await serve();
    await open(served.url, async (page) => {
      const one = Buffer.from('x');
      await drop(
        page,
        Array.from({ length: 30 }, (_, i) => ({ name: `${i}.png`, bytes: i === 0 ? Buffer.alloc(1001) : one })),
      );
      await expect
        .poll(() => page.locator('#sent-words').textContent(), { timeout: 30_000 })
        .toBe('29 of 30 pictures sent, 1 failed');
      expect(served.dropped).toEqual(Array.from({ length: 29 }, (_, i) => `${i + 1}.png`));
      const lines = await page.locator('#sent > li').allTextContents();
      expect(lines).toHaveLength(20);
      expect(lines[0]).toMatch(/^dropped\/29\.png: /);
      expect(await page.locator('#sent').getAttribute('aria-live')).toBe('off');
    });
  });

  test('draws 2,000 pictures that were finished before it was opened', async () => {
    await using served = await serve();
    for (let i = 0; i < 2000; i++) served.live.put(reportRowAt(i));
    await open(served.url, async (page) => {
      await expect.poll(() => page.locator('#pictures > li').count(), { timeout: 30_000 }).toBe(2000);
      expect((await pictureNames(page)).slice(0, 3)).toEqual([0, 1, 2].map((i) => `folder/picture ${i}.jpg`));
      expect(await page.locator('#pictures canvas').count()).toBeLessThan(200);
    });
  });

  test('reconnects by itself to a new server, and shows its pictures', async () => {
    const first = await serve();
    first.live.put(reportRowAt(0));
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(first.url);
    await expect.poll(() => pictureNames(page)).toEqual(['folder/picture 0.jpg']);
    await page.evaluate('window.sameDocument = true');
    const port = Number(new URL(first.url).port);
    await first.kill();
    await page.getByText('The connection broke').waitFor();
    await using second = await serve(port);
    second.live.put(reportRowAt(1));
    await expect.poll(() => pictureNames(page), { timeout: 30_000 }).toEqual(['folder/picture 1.jpg']);
    expect(await page.evaluate('"sameDocument" in window')).toBe(false);
    await context.close();
  });

  test('accepts nothing from a page of another origin, and refuses to be framed', async () => {
    await using served = await serve();
    const evil = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>evil</title><iframe src="${served.url}"></iframe>`);
    }).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    const address = evil.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const tried = await page.evaluate(`Promise.all([
      fetch('${served.url}pictures?name=a.png', { method: 'POST', mode: 'no-cors', body: 'x' }).then(({ type }) => type, () => 'refused'),
      fetch('${served.url}pictures?name=b.png', { method: 'POST', body: 'x' }).then(() => 'read', () => 'refused'),
      fetch('${served.url}').then(() => 'read', () => 'refused'),
    ])`);
    expect(tried).not.toContain('read');
    expect(served.dropped).toEqual([]);
    expect(await page.frames()[1]?.locator('body').textContent()).not.toContain('Pictures');
    await context.close();
    evil.close();
  });
});
