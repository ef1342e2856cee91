import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { igpt, ROOT, temporaryFolder } from './igpt-process.ts';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Lines of the README's shell blocks, install steps cut off. */
const commands = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = '']) => block.trim().split('\n'))
  .map((line) => line.replace(/^ONNXRUNTIME_NODE_INSTALL=skip npm ci && /, ''));

describe('the README', () => {
  test('opens with the two commands, the second of which is what CI runs', () => {
    expect(commands.slice(0, 2)).toEqual(['npx igpt run test/fixtures/pictures', 'npm test']);
    expect(readFileSync(join(ROOT, '.ci', 'run'), 'utf8')).toContain('step tests npm test');
  });

  test('holds only igpt commands that work, run in their order', async () => {
    using folder = temporaryFolder();
    symlinkSync(join(ROOT, 'test'), join(folder.path, 'test'));
    for (const command of commands.filter((line) => line !== 'npm test')) {
      const [npx, name, ...args] = command.split(' ');
      expect([npx, name], command).toEqual(['npx', 'igpt']);
      const { code, stderr } = await igpt(args, { cwd: folder.path });
      expect(code, `${command}\n${stderr}`).toBe(0);
    }
  });
});
