import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isReport, viewKey, viewsOfReport } from '../../../lib/report/read-report.ts';
import { reportPage } from '../../../lib/report/report-page.ts';
import { reportAbout, reportRowAt, reportRowsOf } from '../../support/report-rows.ts';

describe('an earlier report', () => {
  let folder: string;
  let path: string;
  const rows = [0, 1, 6, 7].map((i) => reportRowAt(i));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'igpt-report-'));
    path = join(folder, 'report.html');
    await writeFile(path, (await Array.fromAsync(reportPage(reportRowsOf(rows), reportAbout))).join(''));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('returns its views, by picture and version', async () => {
    const views = await viewsOfReport(path, reportAbout.model);
    expect([...views.keys()]).toEqual([0, 1, 7].map((i) => viewKey(`folder/picture ${i}.jpg`, `"${i}"`)));
    expect(views.get(viewKey('folder/picture 1.jpg', '"1"'))).toEqual(rows[1]?.look);
  });

  test('of another model returns nothing, and so does a missing or foreign file', async () => {
    expect(await viewsOfReport(path, 'other-0123456789ab')).toEqual(new Map());
    expect(await viewsOfReport(join(folder, 'none.html'), reportAbout.model)).toEqual(new Map());
    await writeFile(path, '<!doctype html><html>');
    expect(await isReport(path)).toBe(false);
    expect(await viewsOfReport(path, reportAbout.model)).toEqual(new Map());
  });

  test.skipIf(process.platform === 'win32')('is no pipe, and nothing waits for one', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.html')]);
    expect(await isReport(join(folder, 'pipe.html'))).toBe(false);
    expect(await viewsOfReport(join(folder, 'pipe.html'), reportAbout.model)).toEqual(new Map());
  });

  test('skips damaged lines and values that are no base64', async () => {
    const html = await readFile(path, 'utf8');
    const lines = html.split('\n').map((line) => {
      if (line.includes('picture 0.jpg')) return line.slice(0, 60);
      return line.includes('picture 1.jpg') ? line.replace('"thumbnail":"', '"thumbnail":"\\"onload=') : line;
    });
    await writeFile(path, lines.join('\n'));
    const views = await viewsOfReport(path, reportAbout.model);
    expect([...views.keys()]).toEqual([viewKey('folder/picture 7.jpg', '"7"')]);
  });

  test('skips tokens and maps of a wrong size', async () => {
    const html = await readFile(path, 'utf8');
    // 16 tokens are 32 bytes, their surprise 16; 4 letters of base64 less are 3 bytes less.
    const lines = html.split('\n').map((line) => {
      if (line.includes('picture 0.jpg')) return line.replace(/("tokens":")..../, '$1');
      return line.includes('picture 1.jpg') ? line.replace(/("surprise":")..../, '$1') : line;
    });
    await writeFile(path, lines.join('\n'));
    const views = await viewsOfReport(path, reportAbout.model);
    expect([...views.keys()]).toEqual([viewKey('folder/picture 7.jpg', '"7"')]);
  });
});
