import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { igpt, igptCommand, temporaryFolder } from './igpt-process.ts';
import { summaryOf } from './run-output.ts';

test('the three commands that igpt prints work as printed, from any folder', async () => {
  using folder = temporaryFolder();
  const { stdout } = await igpt([], { cwd: folder.path });
  const commands = /Three commands to try:\n((?: {2}.*\n)+)/.exec(stdout)?.[1]?.trim().split(/\n\s*/) ?? [];
  const [run = '', classify = '', inspect = ''] = commands;
  const shell = async (command: string) => {
    expect(command).toContain(`node ${igptCommand} `);
    return promisify(execFile)('sh', ['-c', command], { cwd: folder.path });
  };

  expect(summaryOf((await shell(run)).stdout)).toMatchObject({ succeeded: 12, skipped: 0 });
  expect((await shell(classify)).stdout).toMatch(/cat\.jpg +\w+ \d+\.\d %/);
  expect((await shell(inspect)).stdout).toContain('512 colours');
});
