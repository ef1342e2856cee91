import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { golden, goldenInputs, goldenJson } from '../support/golden.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

function writeTokens(folder: string, rows = 3): void {
  const { tokens } = goldenInputs('hf16');
  writeFileSync(join(folder, 'x.npy'), encodeNpy(tokens.slice(0, rows * 64), [rows, 64]));
}

describe('igpt complete', () => {
  test.each(['hf16', 'oa16'])('%s: temperature 0 paints the golden greedy completions', async (model) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(goldenInputs(model).tokens, [3, 64]));
    const args = ['--tokens', 'x.npy', '--keep', '32', '-n', '2', '--temperature', '0', '--out', 'y.npy'];
    const { code, stdout, stderr } = await igpt(['complete', '--model', golden(model), ...args], { cwd: folder.path });

    expect(code, stderr).toBe(0);
    expect(stdout).toBe('');
    const { greedy } = goldenJson(z.object({ greedy: z.array(z.array(z.number())) }), model, 'expected.json');
    const { dtype, shape, data } = decodeNpy(readFileSync(join(folder.path, 'y.npy')));
    expect({ dtype, shape }).toEqual({ dtype: 'u2', shape: [3, 2, 64] });
    expect(Array.from(data)).toEqual(greedy.flatMap((row) => [...row, ...row]));
  });

  test('paints the same from a file and from standard input', async () => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'a.png'), 1);
    const stdin = readFileSync(join(folder.path, 'a.png'));
    for (const file of ['a.png', '-']) {
      const args = ['complete', file, '-n', '1', '--out', `${file}.npy`];
      const { code, stderr } = await igpt(args, { cwd: folder.path, stdin });
      expect(code, stderr).toBe(0);
    }
    expect(readFileSync(join(folder.path, '-.npy'))).toEqual(readFileSync(join(folder.path, 'a.png.npy')));
  });

  test('the same seed paints the same, another one does not; a sample does not depend on how many there are', async () => {
    using folder = temporaryFolder();
    writeTokens(folder.path, 1);
    const paint = async (...args: string[]) => {
      const base = ['complete', '--model', golden('hf16'), '--tokens', 'x.npy', '--out', 'y.npy', '--force'];
      const { code, stderr } = await igpt([...base, ...args], { cwd: folder.path });
      expect(code, stderr).toBe(0);
      return decodeNpy(readFileSync(join(folder.path, 'y.npy')));
    };

    const three = await paint('-n', '3', '--seed', '5');
    expect(three.shape).toEqual([1, 3, 64]);
    const five = await paint('-n', '5', '--seed', '5');
    expect(five.data.subarray(0, 3 * 64)).toEqual(three.data);
    expect((await paint('-n', '3', '--seed', '6')).data).not.toEqual(three.data);
    // The default keeps half: 32 tokens of 64.
    const { tokens } = goldenInputs('hf16');
    expect(Array.from(three.data.subarray(0, 32))).toEqual(Array.from(tokens.subarray(0, 32)));
    expect((await paint('-n', '1', '--keep', '1')).data).toEqual(Float64Array.from(tokens.subarray(0, 64)));
  });

  test('a picture becomes the grid: original, what is kept, samples', async () => {
    using folder = temporaryFolder();
    await using tiny = await tinyCheckpoint();
    await writePicture(join(folder.path, 'a.png'), 1);
    const args = [
      'complete',
      'a.png',
      '--model',
      tiny.directory,
      '-n',
      '3',
      '--top-k',
      '4',
      '--top-p',
      '0.9',
      '--out',
      'grid.png',
    ];
    const { code, stderr } = await igpt(args, { cwd: folder.path });

    expect(code, stderr).toBe(0);
    const png = readFileSync(join(folder.path, 'grid.png'));
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    // 5 tiles of 4 x 32 pixels with gaps of 2.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 + 5 * 130, 132]);

    const page = await igpt([...args.slice(0, -1), 'grid.html'], { cwd: folder.path });
    expect(page.code, page.stderr).toBe(0);
    const html = readFileSync(join(folder.path, 'grid.html'), 'utf8');
    expect(html).toContain(`<img src="data:image/png;base64,${png.toString('base64')}"`);
    expect(html).toContain('<dt>top k</dt><dd>4</dd>');
  });
});

describe('igpt complete refuses', () => {
  test.each([
    [[], 2, 'expected a picture or --tokens x.npy, received neither'],
    [['a.png', '--tokens', 'x.npy'], 2, 'received both'],
    [
      ['--tokens', 'x.npy', '--keep', '65'],
      2,
      '--keep 65: expected a share from 0 to 1, or a whole number of tokens from 2 to 64',
    ],
    [['--tokens', 'x.npy', '--top-k', '17'], 2, '--top-k 17: expected 0 (all) to 16'],
    [['--tokens', 'x.npy', '--out', 'y.jpg'], 2, 'expected a name that ends in .png or .npy'],
    [['--tokens', 'x.npy', '--out', 'y.png'], 1, 'expected preprocessor_config.json, which holds the palette'],
    [['--tokens', 'x.npy', '--model', golden('oa512bert')], 2, 'expected an autoregressive model'],
    [['--tokens', 'x.npy', '--provider', 'cuda'], 2, 'expected cpu, the only provider of completions'],
    [['--tokens', 'missing.npy'], 2, 'missing.npy: expected a readable npy file, but the system said ENOENT'],
    [['missing.png', '--model', 'igpt-nano'], 1, 'missing.png: not_found'],
  ])('%j', async (args, expectedCode, words) => {
    using folder = temporaryFolder();
    writeTokens(folder.path);
    const defaults = ['complete', '--model', golden('hf16'), '--out', 'y.npy'];
    const { code, stdout, stderr } = await igpt([...defaults, ...args], { cwd: folder.path });

    expect(stderr.split('\n').at(-2)).toMatch(/^igpt: /);
    expect(stderr).toContain(words);
    expect(stdout).toBe('');
    expect(code).toBe(expectedCode);
    expect(existsSync(join(folder.path, 'y.npy'))).toBe(false);
  });
});
