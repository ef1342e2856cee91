import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writeBadFiles, writePicture, writePictures } from './picture-folder.ts';
import { summaryOf } from './run-output.ts';

const row = z.object({
  key: z.string(),
  nats: z.number().nullable(),
  classes: z.array(z.unknown()).nullable(),
  error: z.object({ code: z.string() }).nullable(),
  look: z.object({ thumbnail: z.string(), tokens: z.string(), surprise: z.string().nullable() }).nullable(),
});

function rowsOf(path: string): z.infer<typeof row>[] {
  const text = /id="rows">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  return z.array(row).parse(JSON.parse(text));
}

describe('the report of igpt run', () => {
  test('shows all current outcomes, also of earlier runs, and the mean of a map is the likelihood', async () => {
    using folder = temporaryFolder();
    const pictures = join(folder.path, 'pictures');
    await writePictures(pictures, 3);
    const bad = writeBadFiles(pictures);
    const run = (...args: string[]) => igpt(['run', 'pictures', '--out', 'out', ...args], { cwd: folder.path });
    const report = join(folder.path, 'out', 'report.html');

    expect((await run('--no-report')).code).toBe(0);
    expect(existsSync(report)).toBe(false);

    // A folder named `<` makes a key that would close a script and open a tag.
    const hostile = '</script><img src=x onerror=alert(1)>.png';
    await writePicture(join(pictures, hostile), 50);
    const second = await run();
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toContain('report: out/report.html\n');
    expect(readFileSync(report, 'utf8')).not.toContain('<img src=x');
    const rows = rowsOf(report);
    expect(rows.map(({ key }) => key)).toEqual(
      ['000.png', '001.png', '002.png', hostile, ...Object.keys(bad)].toSorted(),
    );
    for (const { key, nats, classes, error, look } of rows) {
      expect(error?.code).toBe(bad[key]);
      if (error !== null) continue;
      expect(classes).toHaveLength(5);
      const map = Buffer.from(look?.surprise ?? '', 'base64');
      expect(map).toHaveLength(256);
      // A byte is a sixteenth of a nat, rounded.
      expect(Math.abs(map.reduce((sum, steps) => sum + steps / 16, 0) / 256 - (nats ?? 0))).toBeLessThan(1 / 32);
      expect(Buffer.from(look?.tokens ?? '', 'base64')).toHaveLength(512);
      expect(Buffer.from(look?.thumbnail ?? '', 'base64').toString('latin1', 8, 12)).toBe('WEBP');
    }

    // Views are not made again: those of the first report are reused, even wrong ones.
    const marked = readFileSync(report, 'utf8').replace(/(001\.png.*?"thumbnail":")[^"]*/s, '$1Kept');
    writeFileSync(report, marked);
    writeFileSync(join(pictures, '000.png'), readFileSync(join(pictures, '001.png')));
    expect((await run()).code).toBe(0);
    const third = rowsOf(report);
    expect(third[0]?.look).toEqual(rows[1]?.look);
    expect(third[1]?.look).toEqual({ ...rows[1]?.look, thumbnail: 'Kept' });
    expect(third.slice(2)).toEqual(rows.slice(2));
  });

  test('replaces only a report, and refuses a path among the pictures', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 1);
    const run = (...args: string[]) => igpt(['run', 'pictures', '--out', 'out', ...args], { cwd: folder.path });
    mkdirSync(join(folder.path, 'out'));
    const mine = join(folder.path, 'out', 'report.html');
    writeFileSync(mine, 'my own words');

    const refused = await run();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('expected a report of igpt, but it is another file');
    expect(readFileSync(mine, 'utf8')).toBe('my own words');
    expect((await run('--report', 'out/report.html')).stderr).toContain('this file exists');
    expect((await run('--report', 'pictures/report.html')).stderr).toContain('lies among the pictures');
    expect((await run('--report', 'report.txt')).stderr).toContain('expected a name that ends in .html or .htm');

    const elsewhere = await run('--report', 'page.html');
    expect(elsewhere.code, elsewhere.stderr).toBe(0);
    expect(rowsOf(join(folder.path, 'page.html'))).toHaveLength(1);
    expect((await run('--report', 'page.html')).code).toBe(0);
  });

  test.skipIf(process.platform !== 'linux')(
    'that cannot be written leaves the run its outcomes and its words',
    async () => {
      using folder = temporaryFolder();
      await writePictures(join(folder.path, 'pictures'), 2);
      // A folder in which no file can be created.
      const run = igpt(['run', 'pictures', '--out', 'out', '--report', '/proc/self/page.html'], { cwd: folder.path });
      const { code, stdout, stderr } = await run;
      expect(code).toBe(1);
      expect(summaryOf(stdout)).toMatchObject({ seen: 2, succeeded: 2, failed: 0 });
      expect(stderr).toMatch(/igpt: could not write \/proc\/self\/page\.html \(\w+\).*; the outcomes are stored\n/);
      expect(stderr).toMatch(/\n +2 +2 +0 +0 /);
    },
  );
});
