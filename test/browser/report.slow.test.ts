import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lineChart } from '../../lib/plot/line-chart.ts';
import { writePlot } from '../../lib/report/plot-file.ts';
import { reportPage } from '../../lib/report/report-page.ts';
import type { ReportRow } from '../../lib/report/report-row.ts';
import { igpt, temporaryFolder } from '../cli/igpt-process.ts';
import { reportAbout, reportRowAt, reportRowsOf } from '../support/report-rows.ts';
import { axe } from './axe.ts';
import { chromiumPath, launchChromium } from './chromium.ts';
import { hostileText, pictureNames, screenshotFolder, visitPage } from './visit-page.ts';

const executable = chromiumPath();

describe.skipIf(executable === undefined)('the report in Chromium', () => {
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

  /** Opens a file; expects no errors, and no requests besides the file itself. */
  async function open(path: string, check: (page: Page) => Promise<void>, options = {}): Promise<void> {
    const requests = await visitPage(browser, pathToFileURL(path).href, check, options);
    expect(requests.map((url) => url.slice(0, 5)).filter((url) => url !== 'data:')).toEqual(['file:']);
  }

  async function report(name: string, rows: readonly ReportRow[]): Promise<string> {
    const path = join(folder.path, name);
    writeFileSync(path, (await Array.fromAsync(reportPage(reportRowsOf(rows), reportAbout))).join(''));
    return path;
  }

  const cards = (page: Page): Promise<number> => page.locator('#pictures > li').count();

  test('of a real run is drawn in light and dark, without accessibility errors', async () => {
    const { code, stderr } = await igpt(['run', 'test/fixtures/pictures', '--out', join(folder.path, 'out')]);
    expect(code, stderr).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await open(
        join(folder.path, 'out', 'report.html'),
        async (page) => {
          expect(await page.locator('#figures').textContent()).toMatch(
            /^pictures13succeeded12failed1nats per token, mean/,
          );
          // Scroll to every card, so that all are drawn.
          for (const card of await page.locator('#pictures > li').all()) await card.scrollIntoViewIfNeeded();
          expect(await page.locator('#pictures img').count()).toBe(12);
          expect(await page.locator('#pictures canvas').count()).toBe(24);
          await page.evaluate('scrollTo(0, 0)');
          await page.screenshot({ path: join(screenshotFolder, `report-${colorScheme}.png`), fullPage: true });
          expect(await axe(page)).toEqual([]);
        },
        { colorScheme },
      );
    }
  });

  test('fits a narrow screen, where axe finds nothing either', async () => {
    await open(
      await report(
        'narrow.html',
        [0, 1, 6].map((i) => reportRowAt(i)),
      ),
      async (page) => {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
        await page.screenshot({ path: join(screenshotFolder, 'report-narrow.png'), fullPage: true });
        expect(await axe(page)).toEqual([]);
      },
      { viewport: { width: 360, height: 700 } },
    );
  });

  test('sorts and filters', async () => {
    const rows = Array.from({ length: 14 }, (_, i) => reportRowAt(i));
    await open(await report('sort.html', rows), async (page) => {
      const short = async (): Promise<number[]> =>
        (await pictureNames(page)).map((name) => Number(/\d+/.exec(name)?.[0]));
      const order = (value: (row: ReportRow) => number | null | undefined, sign: number): number[] =>
        rows
          .map((row, i) => ({ i, value: value(row) ?? null }))
          .toSorted((a, b) =>
            a.value === null || b.value === null
              ? Number(a.value === null) - Number(b.value === null) || a.i - b.i
              : sign * (a.value - b.value) || a.i - b.i,
          )
          .map(({ i }) => i);
      expect(await short()).toEqual(rows.map((_, i) => i));
      await page.selectOption('#sort', 'surprising');
      expect(await short()).toEqual(order(({ nats }) => nats, -1));
      await page.selectOption('#sort', 'unsure');
      expect(await short()).toEqual(order(({ classes }) => classes?.[0]?.probability, 1));
      await page.selectOption('#sort', 'failed');
      expect((await short()).slice(0, 3)).toEqual([6, 13, 0]);

      await page.getByLabel('Status').selectOption('failed');
      expect(await short()).toEqual([6, 13]);
      expect(await page.getByRole('status').textContent()).toBe('2 of 14 pictures');
      await page.getByRole('button', { name: 'Reset' }).click();
      await expect.poll(() => cards(page)).toBe(14);
      await page.locator('#label').selectOption('dog');
      expect(await short()).toEqual([1, 5, 9]);
      await page.getByLabel('Least confidence, percent').fill('60');
      // The confidence is 40 % plus half of (37 i mod 100): 58.5, 82.5 and 56.5 %.
      expect(await short()).toEqual([5]);
      await page.getByRole('button', { name: 'Reset' }).click();
      await page.getByLabel('Most surprise, nats per token').fill('1.5');
      await expect.poll(() => cards(page)).toBeLessThan(14);
      expect(await short()).toEqual(rows.flatMap(({ nats }, i) => (nats !== null && nats <= 1.5 ? [i] : [])));
      await page.getByRole('button', { name: 'Reset' }).click();
      await page.getByLabel('Find').fill('PICTURE 13');
      await expect.poll(() => cards(page)).toBe(1);
      await page.getByRole('button', { name: 'Reset' }).click();

      // With the keyboard alone: a class among the totals is a filter too.
      await page.getByRole('button', { name: 'ship' }).focus();
      await page.keyboard.press('Enter');
      expect(await short()).toEqual([2, 10]);
    });
  });

  test('shows hostile names as text', async () => {
    const classes = [{ label: hostileText, probability: 1 }];
    const rows = [reportRowAt(0, { key: `${hostileText}.jpg`, classes }), reportRowAt(1)];
    await open(await report('hostile.html', rows), async (page) => {
      expect(await pictureNames(page)).toContain(`${hostileText}.jpg`);
      await page.locator('#label').selectOption(hostileText);
      expect(await pictureNames(page)).toEqual([`${hostileText}.jpg`]);
      expect(await page.evaluate('"hurt" in window')).toBe(false);
    });
  });

  test('shows a name for empty labels, and removes marks that reverse text', async () => {
    const classes = [{ label: '', probability: 1 }];
    await open(await report('marks.html', [reportRowAt(0, { key: 'evil\u202egpj.exe', classes })]), async (page) => {
      expect(await pictureNames(page)).toEqual(['evil\ufffdgpj.exe']);
      await page.getByRole('button', { name: '(no name)' }).click();
      expect(await page.getByRole('status').textContent()).toBe('1 of 1 picture');
      expect(await axe(page)).toEqual([]);
    });
  });

  test('hides filters that no picture can match, and says when no picture matches', async () => {
    await open(await report('failed.html', [reportRowAt(6), reportRowAt(13)]), async (page) => {
      for (const id of ['find', 'status', 'sort']) expect(await page.locator(`#${id}`).isVisible(), id).toBe(true);
      for (const id of ['label', 'least-confidence', 'most-nats']) {
        expect(await page.locator(`#${id}`).isVisible(), id).toBe(false);
      }
      await page.getByLabel('Find').fill('no such name');
      expect(await page.getByRole('status').textContent()).toBe('None of 2 pictures matches; Reset shows all');
      await page.keyboard.press('Escape');
      await expect.poll(() => cards(page)).toBe(2);
    });
  });

  test('prints pictures that were never scrolled to', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => reportRowAt(i));
    await open(await report('print.html', rows), async (page) => {
      expect(await page.locator('#pictures .views:empty').count()).toBeGreaterThan(0);
      await page.pdf();
      expect(await page.locator('#pictures .views:empty').count()).toBe(0);
      // 60 pictures, of which every seventh failed; each other one has a token image and a surprise map.
      expect(await page.locator('#pictures canvas').count()).toBe(2 * 52);
    });
  });

  test('says which figures count only the listed pictures', async () => {
    const path = join(folder.path, 'some.html');
    const rows = [0, 1, 2].map((i) => reportRowAt(i));
    const pieces = reportPage(reportRowsOf(rows), reportAbout, {
      totals: (ofRows) => ({ ...ofRows, pictures: 5000, succeeded: 4990, failed: 10, listedOnly: true }),
    });
    writeFileSync(path, (await Array.fromAsync(pieces)).join(''));
    await open(path, async (page) => {
      expect(await page.locator('#figures').textContent()).toMatch(
        /^pictures5,000succeeded4,990failed10nats per token, mean, of the pictures below\d/,
      );
      expect(await page.locator('#labels-title').textContent()).toBe('Most probable class, of the pictures below');
      expect(await page.getByRole('status').textContent()).toBe(
        '3 of 3 pictures; 4,997 more are counted above, but not listed',
      );
    });
  });

  test('offers a class that only pictures beyond the listed ones have', async () => {
    const path = join(folder.path, 'beyond.html');
    const rows = [0, 1, 2].map((i) => reportRowAt(i));
    const pieces = reportPage(reportRowsOf(rows), reportAbout, { limit: 2 });
    writeFileSync(path, (await Array.fromAsync(pieces)).join(''));
    await open(path, async (page) => {
      await page.getByRole('button', { name: 'ship' }).click();
      expect(await page.locator('#label').inputValue()).toBe('ship');
      expect(await page.getByRole('status').textContent()).toBe(
        'None of 2 pictures matches; Reset shows all; 1 more is counted above, but not listed',
      );
    });
  });

  test('has the same design as a plot page, where axe finds nothing either', async () => {
    const path = join(folder.path, 'layers.html');
    const points = [0.3, 0.5, 0.6].map((share, layer): [number, number] => [layer, 100 * share]);
    const svg = lineChart({
      title: 'Probe',
      xLabel: 'layer',
      yLabel: 'accuracy, %',
      series: [{ name: 'test', points }],
    });
    const columns = [{ title: 'layer' }, { title: 'test %', align: 'right' as const }];
    const table = { columns, rows: points.map((row) => row.map(String)) };
    await writePlot(path, { kind: 'Image GPT probe', title: 'Probe', svg, facts: [['norm', 'next']], table }, false);
    for (const colorScheme of ['light', 'dark'] as const) {
      await open(
        path,
        async (page) => {
          await page.getByRole('img', { name: 'Probe' }).waitFor();
          expect(await page.evaluate(`document.querySelector('img').naturalWidth`)).toBe(720);
          await page.screenshot({ path: join(screenshotFolder, `figure-${colorScheme}.png`), fullPage: true });
          expect(await axe(page)).toEqual([]);
        },
        { colorScheme },
      );
    }
  });

  test('of 2,000 pictures is interactive within a second', async () => {
    const path = await report(
      'many.html',
      Array.from({ length: 2000 }, (_, i) => reportRowAt(i)),
    );
    await open(path, async (page) => {
      const interactive = await page.evaluate(`performance.getEntriesByType('navigation')[0].domInteractive`);
      expect(interactive).toBeLessThan(1000);
      await expect.poll(() => cards(page)).toBe(2000);
      // Only pictures near the visible part are drawn.
      expect(await page.locator('#pictures canvas').count()).toBeLessThan(200);
      await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
      await page.locator('#pictures > li').last().getByText('what it saw').waitFor();
      await page.screenshot({ path: join(screenshotFolder, 'report-many.png') });
    });
  });
});
