import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeNpy } from '../../lib/image-gpt/npy.ts';
import { golden } from '../support/golden.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

const PNG_START = '\u0089PNG';

describe('igpt quantize', () => {
  test('writes uint16 tokens [N, n], a row a file, and a picture of what the model sees', async () => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'a.png'), 1);
    await writePicture(join(folder.path, 'b.png'), 2);
    const run = (...args: string[]) => igpt(['quantize', ...args], { cwd: folder.path });

    const { code, stdout, stderr } = await run('a.png', 'b.png', '--out', 't.npy', '--preview', 'seen.png');
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('');
    const { dtype, shape, data } = decodeNpy(readFileSync(join(folder.path, 't.npy')));
    expect({ dtype, shape }).toEqual({ dtype: 'u2', shape: [2, 256] });
    expect(data.every((token) => token < 512)).toBe(true);
    expect(readFileSync(join(folder.path, 'seen.png'), 'latin1').slice(0, 4)).toBe(PNG_START);

    // The same tokens as JSON, and one picture's tokens do not depend on its neighbour.
    const json = await run('b.png', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: 'b.png',
      image: { format: 'png', width: 24, height: 18 },
      tokens: Array.from(data.subarray(256)),
    });
  });

  test('prints a table when nothing is to be written', async () => {
    const { code, stdout } = await igpt(['quantize', golden('quant', 'wave_100x75.png')]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^file +format +size +colours of 512\n\S+wave_100x75\.png +png +75x100 +\d+\n$/);
  });

  test('writes nothing when one file fails, as rows would not match files', async () => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'a.png'), 1);
    writeFileSync(join(folder.path, 'bad.png'), 'no picture');
    const args = ['quantize', 'a.png', 'bad.png', '--out', 't.npy', '--preview', 'seen.png'];
    const { code, stderr } = await igpt(args, { cwd: folder.path });

    expect(code).toBe(1);
    expect(stderr).toContain('bad.png: unsupported_format: ');
    expect(stderr).toContain('1 of 2 files failed, so nothing was written');
    expect(readdirSync(folder.path).toSorted()).toEqual(['a.png', 'bad.png']);
  });

  test.each([
    [['--out', 't.png'], '--out t.png: expected a name that ends in .npy'],
    [['--preview', 'seen.jpg'], '--preview seen.jpg: expected a name that ends in .png'],
    [['--out', 'taken.npy'], '--out taken.npy: this file exists'],
  ])('refuses %j', async (args, words) => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'a.png'), 1);
    writeFileSync(join(folder.path, 'taken.npy'), 'precious');
    const { code, stderr } = await igpt(['quantize', 'a.png', ...args], { cwd: folder.path });

    expect(stderr).toContain(words);
    expect(code).toBe(2);
    expect(readFileSync(join(folder.path, 'taken.npy'), 'utf8')).toBe('precious');
    expect(existsSync(join(folder.path, 't.png'))).toBe(false);
  });
});
