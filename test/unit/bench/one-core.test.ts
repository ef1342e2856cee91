import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onOneCore } from '../../bench/one-core.ts';

const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
const pid = child.pid ?? 0;
const cores = (): string => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return /Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? '';
};

describe.skipIf(process.platform !== 'linux' || availableParallelism() === 1)('onOneCore', () => {
  let before = '';
  beforeAll(() => {
    before = cores();
  });
  afterAll(() => void child.kill());

  it('holds a process to one core, and lets it go when the work fails', async () => {
    const work = onOneCore([pid], async (held) => {
      expect(cores()).toMatch(held ? /^\d+$/ : /[,-]/);
      throw new Error('no work today');
    });
    await expect(work).rejects.toThrow('no work today');
    expect(cores()).toBe(before);
  });

  it('does the work all the same where a process cannot be held', async () => {
    expect(await onOneCore([2 ** 30], async (held) => held)).toBe(false);
  });
});
