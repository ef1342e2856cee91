import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchGpuMemory } from '../../../functions/worker/gpu-memory.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'igpt-smi-'));
  vi.stubEnv('PATH', directory);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

/** An nvidia-smi that prints `text` for the expected query. */
async function installSmi(text: string, exitCode = 0): Promise<void> {
  const asked = '--query-gpu=memory.used --format=csv,noheader,nounits';
  const script = `#!/bin/sh\n[ "$*" = "${asked}" ] || exit 9\necho '${text}'\nexit ${exitCode}\n`;
  await writeFile(join(directory, 'nvidia-smi'), script, { mode: 0o755 });
}

async function reported(): Promise<number[]> {
  const bytes: number[] = [];
  await watchGpuMemory((used) => bytes.push(used), 3_600_000);
  return bytes;
}

describe('the memory of the GPU', () => {
  it('is that of the fullest GPU, in bytes', async () => {
    await installSmi('17\n  2048\n');
    expect(await reported()).toEqual([2048 * 1024 * 1024]);
  });

  it.each([
    ['prints nothing', '', 0],
    ['prints no number', '[N/A]', 0],
    ['finds no driver', 'NVIDIA-SMI has failed', 9],
  ])('is not reported when nvidia-smi %s', async (_, text, exitCode) => {
    await installSmi(text, exitCode);
    expect(await reported()).toEqual([]);
  });

  it('is not reported without nvidia-smi', async () => {
    expect(await reported()).toEqual([]);
  });

  it('is reported periodically', async () => {
    await installSmi('1');
    const two = Promise.withResolvers<void>();
    let times = 0;
    await watchGpuMemory(() => {
      times += 1;
      if (times === 2) two.resolve();
    }, 1);
    await two.promise;
  });
});
