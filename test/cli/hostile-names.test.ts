import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePictures } from './picture-folder.ts';
import { resultsOf } from './run-output.ts';

test('names that a terminal would obey are escaped in the events of a run, which keep their values', async () => {
  using folder = temporaryFolder();
  const names = [
    '\u009b31mRED.jpg',
    '\u0090x\u009c.jpg',
    '\u202egpj.jpg',
    '\u007f.jpg',
    'a\u001b[31m.jpg',
    'b\u200f.jpg',
  ];
  await writePictures(join(folder.path, 'in'), 1);
  for (const name of names) writeFileSync(join(folder.path, 'in', name), 'no picture');
  const { code, stdout, stderr } = await igpt(['run', 'in', '--out', 'out', '--no-report'], { cwd: folder.path });

  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^[ -~\n]+$/);
  expect(stdout).toContain(String.raw`"key":"\u009b31mRED.jpg"`);
  expect(new Set(resultsOf(stdout).map(({ key }) => key))).toEqual(new Set([...names, '000.png']));
});
