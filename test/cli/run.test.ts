import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writeBadFiles, writePicture, writePictures } from './picture-folder.ts';
import { outcomesIn, resultsOf, summaryOf } from './run-output.ts';

describe('igpt run', () => {
  test('makes one outcome for each file, and only missing ones when it is run again', async () => {
    using folder = temporaryFolder();
    const pictures = join(folder.path, 'pictures');
    await writePictures(pictures, 4);
    await writePicture(join(pictures, 'holiday', 'a b é 猫 #1.png'), 5);
    await writePicture(join(pictures, '.hidden.png'), 6);
    await writePicture(join(folder.path, 'outside.png'), 7);
    symlinkSync(join(folder.path, 'outside.png'), join(pictures, 'link.png'));
    const bad = writeBadFiles(pictures);
    const run = async (...args: string[]) => igpt(['run', 'pictures', '--out', 'out', ...args], { cwd: folder.path });

    const first = await run();
    expect(first.code, first.stderr).toBe(0);
    expect(summaryOf(first.stdout)).toEqual({ type: 'summary', seen: 9, succeeded: 5, failed: 4, skipped: 0 });
    expect(first.stderr).toContain('igpt-nano is a small model to try the system with');
    expect(first.stderr).toMatch(/failed with +pictures\nunsupported_format +2\ncorrupt_image +1\nempty_object +1\n/);
    const outcomes = outcomesIn(join(folder.path, 'out'));
    expect([...outcomes.keys()].toSorted()).toEqual(
      ['000.png', '001.png', '002.png', '003.png', 'holiday/a b é 猫 #1.png', ...Object.keys(bad)].toSorted(),
    );
    for (const [key, code] of Object.entries(bad)) {
      expect(outcomes.get(key)).toMatchObject({ status: 'failed', error: { code } });
    }
    expect(outcomes.get('holiday/a b é 猫 #1.png')).toMatchObject({
      status: 'succeeded',
      image: { format: 'png', width: 24, height: 18 },
      classification: { top5: { length: 5 } },
      features: { layer: 3, norm: 'next', values: { length: 128 } },
      likelihood: { nats_per_token: expect.any(Number), bits_per_pixel: expect.any(Number) },
      provider: 'cpu',
      precision: 'f32',
    });

    const second = await run();
    expect(second.code).toBe(0);
    expect(summaryOf(second.stdout)).toMatchObject({ seen: 9, succeeded: 0, failed: 0, skipped: 9 });
    expect(resultsOf(second.stdout)).toEqual([]);

    await writePicture(join(pictures, '002.png'), 99);
    const changed = await run();
    expect(resultsOf(changed.stdout).map((event) => event.key)).toEqual(['002.png']);
    expect(summaryOf(changed.stdout)).toMatchObject({ seen: 9, succeeded: 1, failed: 0, skipped: 8 });

    const retried = await run('--retry-failed');
    expect(summaryOf(retried.stdout)).toMatchObject({ seen: 9, succeeded: 0, failed: 4, skipped: 5 });

    const drawings = await run('--retry-failed', '--allow-svg');
    expect(resultsOf(drawings.stdout).find((event) => event.key === 'drawing.svg')?.status).toBe('succeeded');
  });

  test('--verify finds an outcome of another version even if it is newer than the picture', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 2);
    const run = (...args: string[]) => igpt(['run', 'pictures', '--out', 'out', ...args], { cwd: folder.path });
    await run();
    const out = join(folder.path, 'out');
    const [results] = readdirSync(join(out, 'results'));
    const path = join(out, 'results', String(results), '001.png.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), etag: '"another"' }));

    expect(summaryOf((await run()).stdout)).toMatchObject({ succeeded: 0, skipped: 2 });
    const verified = await run('--verify');
    expect(resultsOf(verified.stdout).map((event) => event.key)).toEqual(['001.png']);
    expect(outcomesIn(out).get('001.png')?.etag).not.toBe('"another"');
  });

  test('stores no failures when the disk is full, reports how many and why, and makes the outcomes later', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 4);
    writeFileSync(join(folder.path, 'pictures', 'page.png'), '<html>no picture</html>');
    const run = (ulimit?: string) =>
      igpt(['run', 'pictures', '--out', 'out', '--no-report'], {
        cwd: folder.path,
        ...(ulimit === undefined ? {} : { ulimit }),
      });

    // An outcome takes 2.4 KB, a failed one 0.4 KB.
    const first = await run('-f 1');
    expect(first.code, first.stderr).toBe(1);
    expect(summaryOf(first.stdout)).toMatchObject({ seen: 5, succeeded: 0, failed: 5 });
    expect(resultsOf(first.stdout).map((event) => event.key)).toEqual(['page.png']);
    expect([...outcomesIn(join(folder.path, 'out')).keys()]).toEqual(['page.png']);
    expect(first.stderr).toContain('the file would be larger than ulimit -f or the file system allows (EFBIG)');
    expect(first.stderr).toMatch(
      /failed with +pictures\nunsupported_format +1\n\n4 of the failed pictures have no outcome/,
    );
    expect(first.stderr).toContain('(EFBIG: 4). Fix that and run again');

    const second = await run();
    expect(second.code, second.stderr).toBe(0);
    expect(summaryOf(second.stdout)).toMatchObject({ seen: 5, succeeded: 4, failed: 0, skipped: 1 });
  });

  test('writes to ./igpt-out by default', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 1);

    await igpt(['run', 'pictures'], { cwd: folder.path });

    expect(outcomesIn(join(folder.path, 'igpt-out')).size).toBe(1);
  });

  test('computes the chosen outputs, under a model id of their own', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 1);
    const run = (...args: string[]) => igpt(['run', 'pictures', '--out', 'out', ...args], { cwd: folder.path });

    const { code } = await run('--outputs', 'features', '--layer', '6', '--norm', 'raw');
    expect(code).toBe(0);
    expect([...outcomesIn(join(folder.path, 'out')).values()]).toMatchObject([
      { classification: null, likelihood: null, features: { layer: 6, norm: 'raw' } },
    ]);
    await run('--outputs', 'likelihood,classification');
    expect(readdirSync(join(folder.path, 'out', 'results'))).toHaveLength(2);
  });

  test('an empty directory is reported, but is no error', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'pictures'));
    const { code, stdout, stderr } = await igpt(['run', 'pictures', '--out', 'out'], { cwd: folder.path });

    expect(code).toBe(0);
    expect(summaryOf(stdout)).toEqual({ type: 'summary', seen: 0, succeeded: 0, failed: 0, skipped: 0 });
    expect(stderr).toContain('pictures contains no files to read');
  });
});

describe('igpt run refuses', () => {
  test.each([
    [['missing'], 2, 'missing: expected a directory of pictures, but there is nothing of that name'],
    [['pictures/000.png'], 2, 'received a file; igpt classify reads files'],
    [['pictures', '--out', 'pictures/out'], 2, '--out pictures/out lies inside pictures'],
    [['pictures', '--out', '.'], 2, 'pictures lies inside --out .'],
    [['pictures', '--layer', '7'], 2, 'Expected a feature layer from 0 to 6'],
    [['pictures', '--workers', '0'], 2, 'expected a whole number from 1 to 256'],
    [['pictures', '--model', 'damaged'], 1, 'config.json'],
  ])('igpt run %j', async (args, expectedCode, words) => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 1);
    mkdirSync(join(folder.path, 'damaged'));
    writeFileSync(join(folder.path, 'damaged', 'config.json'), '{');
    const { code, stdout, stderr } = await igpt(['run', ...args], { cwd: folder.path });

    expect(stderr.split('\n').at(-2)).toMatch(/^igpt: /);
    expect(stderr).toContain(words);
    expect(stdout).toBe('');
    expect(code).toBe(expectedCode);
    expect(readdirSync(folder.path).toSorted()).toEqual(['damaged', 'pictures']);
  });

  test('outputs that the model does not have', async () => {
    using folder = temporaryFolder();
    await writePictures(join(folder.path, 'pictures'), 1);
    await using bert = await tinyCheckpoint({ objective: 'bert' });
    const run = (...args: string[]) =>
      igpt(['run', 'pictures', '--out', 'out', '--model', bert.directory, ...args], { cwd: folder.path });

    const asked = await run('--outputs', 'likelihood');
    expect(asked.stderr).toContain('has no likelihood');
    expect(asked.code).toBe(2);
    const everything = await run();
    expect(everything.code, everything.stderr).toBe(0);
    expect([...outcomesIn(join(folder.path, 'out')).values()]).toMatchObject([
      { likelihood: null, status: 'succeeded' },
    ]);
  });
});
