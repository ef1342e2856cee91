import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockTraining } from '../../../lib/training/training-lock.ts';

describe('the lock of a training', () => {
  let folder = '';
  const path = () => join(folder, 'lock');
  /** A clock that never waits; `meanwhile` is called while it sleeps. */
  const clock = (meanwhile: () => void) => ({ now: () => new Date(0), sleep: async () => meanwhile() });
  const neverSleeps = clock(() => {
    throw new Error('Expected no wait.');
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'igpt-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('holds the process number, and is removed in the end', async () => {
    const lock = await lockTraining(path(), neverSleeps);
    expect(readFileSync(path(), 'utf8')).toBe(String(process.pid));
    await lock[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('waits for the process number when another process has just created it', async () => {
    writeFileSync(path(), '');
    const locking = lockTraining(
      path(),
      clock(() => writeFileSync(path(), String(process.ppid))),
    );
    await expect(locking).rejects.toMatchObject({ code: 'run_busy' });
  });

  test.skipIf(process.platform === 'win32')('refuses a pipe in its place, and leaves it', async () => {
    execFileSync('mkfifo', [path()]);
    await expect(lockTraining(path(), neverSleeps)).rejects.toMatchObject({ code: 'not_a_file' });
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  test('is taken over when it stays empty: its process died', async () => {
    writeFileSync(path(), '');
    let waits = 0;
    await using _ = await lockTraining(
      path(),
      clock(() => {
        waits += 1;
      }),
    );
    expect(waits).toBe(1);
    expect(readFileSync(path(), 'utf8')).toBe(String(process.pid));
  });
});
