import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { isAlive } from '../../../lib/files/process-tag.ts';

test('this process is alive', () => {
  expect(isAlive(process.pid)).toBe(true);
});

test('another process is alive until it has ended', async () => {
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  const { pid = 0 } = child;

  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(pid)).toBe(false);
});

test.skipIf(process.platform !== 'linux')('a zombie is not alive', async () => {
  // The shell becomes `awk`, which never waits for the child process.
  const script = "sleep 60 & exec awk -v pid=$! 'BEGIN { print pid; fflush(); getline }'";
  const parent = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');

    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 30_000 });
    expect(process.kill(pid, 0)).toBe(true);
  } finally {
    parent.kill();
  }
});
