import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finished, igpt, pathWithoutProject, startIgpt, temporaryFolder } from './igpt-process.ts';
import { writeBadFiles, writePicture, writePictures } from './picture-folder.ts';
import { eventsOf, outcomesIn, resultsOf, summaryOf } from './run-output.ts';

/** Enough pictures that the run is still working after its first outcomes. */
const pictureCount = 150;

/** The machine's own Node. If it is an old one, signals must pass through our launcher too. */
const env = { PATH: pathWithoutProject() };

/** Resolves when the run has printed `count` outcomes. */
async function outcomes(child: ChildProcessWithoutNullStreams, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let lines = 0;
  child.stdout.on('data', (text: string) => {
    lines += text.split('\n').length - 1;
    if (lines >= count) {
      resolve();
    }
  });
  child.once('close', () => resolve());
  await promise;
}

/** A folder with pictures and bad files, and a run over it that is slow enough to be interrupted. */
async function startSlowRun() {
  const folder = temporaryFolder();
  await writePictures(join(folder.path, 'pictures'), pictureCount);
  writeBadFiles(join(folder.path, 'pictures'));
  const args = ['run', 'pictures', '--out', 'out', '--workers', '1', '--decoders', '1'];
  const child = startIgpt(args, { cwd: folder.path, env });
  const end = finished(child);
  return {
    child,
    end,
    out: join(folder.path, 'out'),
    total: pictureCount + 4,
    again: () => igpt(args, { cwd: folder.path, env }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s finishes the pictures in flight and prints how to resume; the same command makes the rest',
  async (signal, exitCode) => {
    using run = await startSlowRun();
    await outcomes(run.child, 10);
    run.child.kill(signal);
    const first = await run.end;

    expect(first.code).toBe(exitCode);
    expect(first.stderr).toMatch(/To resume: node \S*igpt\.js run pictures --out out --workers 1 --decoders 1\n/);
    const { seen } = summaryOf(first.stdout);
    expect(seen).toBeGreaterThanOrEqual(10);
    expect(seen).toBeLessThan(run.total);
    const before = outcomesIn(run.out);
    expect(
      resultsOf(first.stdout)
        .map((event) => event.key)
        .toSorted(),
    ).toEqual([...before.keys()].toSorted());

    const second = await run.again();
    expect(second.code).toBe(0);
    expect(summaryOf(second.stdout)).toMatchObject({ seen: run.total, skipped: before.size });
    const after = outcomesIn(run.out);
    expect(after.size).toBe(run.total);
    for (const [key, outcome] of before) {
      expect(after.get(key)).toEqual(outcome);
    }
  },
);

test('SIGKILL loses no outcome, and no outcome is made twice', async () => {
  using run = await startSlowRun();
  await outcomes(run.child, 20);
  run.child.kill('SIGKILL');
  const first = await run.end;

  expect(first.signal).toBe('SIGKILL');
  const before = outcomesIn(run.out);
  expect(before.size).toBeGreaterThanOrEqual(20);
  expect(before.size).toBeLessThan(run.total);

  const second = await run.again();
  expect(second.code).toBe(0);
  const { seen, succeeded, failed, skipped } = summaryOf(second.stdout);
  expect({ seen, skipped }).toEqual({ seen: run.total, skipped: before.size });
  expect(succeeded + failed + skipped).toBe(seen);
  const after = outcomesIn(run.out);
  expect(after.size).toBe(run.total);
  for (const [key, outcome] of before) {
    expect(after.get(key)).toEqual(outcome);
  }
  expect(
    resultsOf(second.stdout)
      .map((event) => event.key)
      .toSorted(),
  ).toEqual([...after.keys()].filter((key) => !before.has(key)).toSorted());
  const temporary = join(run.out, '.igpt-tmp');
  expect(existsSync(temporary) ? readdirSync(temporary) : []).toEqual([]);
});

test('a run whose output is closed by its reader stops in good order', async () => {
  using run = await startSlowRun();
  await outcomes(run.child, 5);
  run.child.stdout.destroy();
  const first = await run.end;

  expect(first.code).toBe(1);
  expect(first.stderr).toContain('nobody reads standard output any more');
  expect(first.stderr).toContain('To resume: ');
  const before = outcomesIn(run.out);
  const second = await run.again();
  expect(summaryOf(second.stdout)).toMatchObject({ seen: run.total, skipped: before.size });
});

test('--watch processes new and changed pictures until it is stopped', async () => {
  using folder = temporaryFolder();
  const pictures = join(folder.path, 'pictures');
  await writePictures(pictures, 2);
  const child = startIgpt(['run', 'pictures', '--out', 'out', '--watch', '--workers', '1'], { cwd: folder.path, env });
  const end = finished(child);
  await outcomes(child, 2);
  const third = outcomes(child, 1);
  await writePicture(join(pictures, 'new', 'late.png'), 50);
  await third;
  const fourth = outcomes(child, 1);
  await writePicture(join(pictures, '000.png'), 51);
  await fourth;
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await end;

  expect(code, stderr).toBe(143);
  expect(resultsOf(stdout).map((event) => event.key)).toEqual([
    expect.stringMatching(/^00[01]\.png$/),
    expect.stringMatching(/^00[01]\.png$/),
    'new/late.png',
    '000.png',
  ]);
  expect(eventsOf(stdout).at(-1)).toMatchObject({ type: 'summary', seen: 4, succeeded: 4 });
});
