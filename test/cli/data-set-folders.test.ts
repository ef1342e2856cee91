import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { readTensors } from '../support/safetensors-file.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writeNoise } from './training-data.ts';

const red = [180, 20, 20] as const;
const blue = [20, 20, 180] as const;

/** Writes `count` pictures into each folder; their colour tells `cat` from other classes. */
async function writeFolders(root: string, folders: readonly string[], count: number): Promise<void> {
  for (const folder of folders) {
    for (let i = 0; i < count; i++) {
      await writeNoise(join(root, folder, `${i}.png`), folder.endsWith('cat') ? red : blue);
    }
  }
}

const classFolders = (...parts: string[]) => parts.flatMap((part) => [`${part}/cat`, `${part}/dog`]);

describe('the folders of a data set', () => {
  test.each([
    {
      folders: classFolders('Training', 'Test'),
      said: 'data: 16 pictures of 2 classes\nclasses: cat (8), dog (8)\nparts: train 8 (Training), test 8 (Test)\n',
      pictures: { train: 6, validation: 2, test: 8 },
    },
    {
      folders: [...classFolders('train', 'val', 'test'), 'samples'],
      said: 'data: 24 pictures of 2 classes\nclasses: cat (12), dog (12)\nparts: train 8, validation 8 (val), test 8\nleft out: samples (4 pictures), which is beside the parts\n',
      pictures: { train: 8, validation: 8, test: 8 },
    },
    {
      folders: classFolders('archive/train', 'archive/dev', '__MACOSX/train'),
      said: 'data: 16 pictures of 2 classes\nclasses: cat (8), dog (8)\nparts: train 8, validation 8 (dev)\n',
      pictures: { train: 6, validation: 8, test: 2 },
    },
  ])('are parts and classes: $folders', async ({ folders, said, pictures }) => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ classes: 0, n_colors: 32 });
    await writeFolders(join(folder.path, 'data'), folders, 4);
    writeFileSync(join(folder.path, 'data', 'README.md'), 'no picture');
    const how = ['--cache', 'cache', '--decoders', '1', '--test-share', '0.25', '--validation-share', '0.25'];
    const args = ['probe', '--model', model.directory, '--data', 'data', ...how, '--out', 'p.safetensors', '--json'];
    const { code, stdout, stderr } = await igpt(args, { cwd: folder.path });

    expect(code, stderr).toBe(0);
    expect(stderr.replace('; left out, as they could not be read: unsupported_format 1', '')).toContain(said);
    expect(JSON.parse(stdout)).toMatchObject({
      pictures,
      data_set: { classes: [{ label: 'cat' }, { label: 'dog' }] },
    });
    expect((await readTensors(join(folder.path, 'p.safetensors'))).get('bias')).toHaveLength(2);
  });

  test('are refused when they can be parts or classes, before a picture is read; a flag takes them as classes', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32 });
    await writeFolders(join(folder.path, 'data'), ['cat', 'dog', 'test'], 2);
    mkdirSync(join(folder.path, 'data', '.ipynb_checkpoints'));
    const data = ['--model', model.directory, '--data', 'data', '--cache', 'cache', '--decoders', '1'];
    const train = ['train', '--objective', 'joint', '--new-head', '--steps', '1', '--batch', '2', '--out', 'out'];
    for (const verb of [['probe'], ['eval'], train]) {
      const { code, stdout, stderr } = await igpt([...verb, ...data], { cwd: folder.path });
      expect(stderr).toContain(
        'the folders of data can be parts or classes: test (2 pictures) look like parts, beside cat (2 pictures), dog (2 pictures)',
      );
      expect(stderr).toContain('--folders-are-classes');
      expect([code, stdout]).toEqual([2, '']);
    }

    const taken = await igpt([...train, ...data, '--folders-are-classes', '--json'], { cwd: folder.path });
    expect(taken.code, taken.stderr).toBe(0);
    expect(taken.stderr).toContain('classes: cat (2), dog (2), test (2)\n');
    expect(JSON.parse(taken.stdout)).toMatchObject({
      data_set: { pictures: 6, classes: [{ label: 'cat', pictures: 2 }, { label: 'dog' }, { label: 'test' }] },
    });
    expect((await openCheckpoint(join(folder.path, 'out'))).labels).toEqual(['cat', 'dog', 'test']);
  });

  test('are not asked about for tokens', async () => {
    const { code, stderr } = await igpt(['eval', '--data', 'x.npy', '--folders-are-classes']);
    expect(stderr).toContain(
      '--folders-are-classes goes with folders of pictures, received --data x.npy: leave it out',
    );
    expect(code).toBe(2);
  });
});
