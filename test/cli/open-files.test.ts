import { join } from 'node:path';
import { expect, test } from 'vitest';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

test.skipIf(process.platform !== 'linux').each([24, 32, 63])(
  'with room for %i open files the command says so and does nothing',
  async (files) => {
    const { code, stdout, stderr } = await igpt(['run', 'nowhere'], { ulimit: `-n ${files}` });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `igpt: expected room for at least 64 open files, but this shell allows ${files}: run ulimit -n 1024, or ask who manages the machine, then run igpt again\n`,
    );
  },
);

test.skipIf(process.platform !== 'linux')('with room for 32 open files there is help', async () => {
  const { code, stdout } = await igpt(['run', '--help'], { ulimit: '-n 32' });
  expect(code).toBe(0);
  expect(stdout).toContain('Usage:');
});

test.skipIf(process.platform !== 'linux')('too many threads for the open files are said, too', async () => {
  using folder = temporaryFolder();
  for (let i = 0; i < 20; i += 1) await writePicture(join(folder.path, `${i}.png`), i);
  const files = Array.from({ length: 20 }, (_, i) => `${i}.png`);
  const options = { cwd: folder.path, ulimit: '-n 64' };
  const { code, stderr } = await igpt(['classify', ...files, '--workers', '20'], options);
  expect(code).toBe(1);
  expect(stderr).toContain('igpt: expected to open another file, but this process has too many open for ulimit -n');
});
