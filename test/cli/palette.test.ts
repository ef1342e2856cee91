import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeNpy } from '../../lib/image-gpt/npy.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

const PICTURES = join(repositoryRoot, 'test/fixtures/pictures');

describe('igpt palette fit', () => {
  test('writes a preprocessor that a checkpoint reads, the same for the same seed', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 16, preprocessor: false });
    const out = join(model.directory, 'preprocessor_config.json');
    const args = ['palette', 'fit', PICTURES, '--colors', '16', '--size', '4', '--decoders', '1', '--seed', '3'];
    const options = { cwd: folder.path };

    const fitted = await igpt([...args, '--out', out, '--json', '--pixels', 'pixels.npy'], options);
    expect(fitted.code, fitted.stderr).toBe(0);
    expect(fitted.stderr).toContain('1 files could not be read as pictures');
    // 12 pictures of 4x4 pixels.
    expect(JSON.parse(fitted.stdout)).toMatchObject({ colors: 16, pixels: 192, converged: true });
    expect(decodeNpy(readFileSync(join(folder.path, 'pixels.npy')))).toMatchObject({ shape: [192, 3], dtype: 'u1' });

    const again = await igpt([...args, '--out', 'again.json'], options);
    expect(again.code, again.stderr).toBe(0);
    expect(readFileSync(join(folder.path, 'again.json'), 'utf8')).toBe(readFileSync(out, 'utf8'));

    const quantized = await igpt(['quantize', '--model', model.directory, join(PICTURES, 'animals/cat.jpg')], options);
    expect(quantized.code, quantized.stderr).toBe(0);
  });

  test.each<[string, string[], RegExp, number, string?]>([
    [
      'fewer colours than asked for',
      ['--size', '1', '--colors', '64'],
      /expected pixels of at least 64 different colours, received 1\d/,
      1,
    ],
    [
      'fewer pixels than colours',
      ['--samples', '100'],
      /--samples 100: expected at least 512, the number of --colors/,
      2,
    ],
    ['a filter that there is not', ['--resample', 'cubic'], /expected one of nearest, .*got 'cubic'/, 2],
    ['an output that is taken', ['--out', 'taken.json'], /this file exists; add --force/, 2],
    [
      'a file for a folder',
      [],
      /igpt: data taken\.json: expected cifar10, a directory of pictures, s3:\/\/bucket\/prefix, but it is a file/,
      2,
      'taken.json',
    ],
  ])('refuses %s', async (_, args, message, exit, data = PICTURES) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'taken.json'), '{}');
    const { code, stderr } = await igpt(['palette', 'fit', data, '--out', 'new.json', '--decoders', '1', ...args], {
      cwd: folder.path,
    });

    expect(stderr).toMatch(message);
    expect(code).toBe(exit);
  });
});
