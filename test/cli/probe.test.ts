import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { redAndBlue } from './training-data.ts';

describe('igpt probe', () => {
  test('fits every layer, draws the curve, and writes a probe that classify and eval use at once', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ classes: 0, n_colors: 32, seed: 4 });
    await redAndBlue(join(folder.path, 'pictures'), 20);
    const data = ['--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const out = join(model.directory, 'probe.safetensors');
    const options = { cwd: folder.path };

    const probe = await igpt(['probe', ...data, '--concat', '1,2', '--out', out, '--plot', 'layers.svg'], options);
    expect(probe.code, probe.stderr).toBe(0);
    expect(probe.stderr).toContain(
      '40 pictures of 2 classes; left out, as they could not be read: unsupported_format 1',
    );
    const [head, ...rows] = probe.stdout.trimEnd().split('\n');
    expect(head).toMatch(/^layer\s+held out %\s+test %\s+penalty$/);
    expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual(['0', '1', '2', '1 + 2']);
    expect(readFileSync(join(folder.path, 'layers.svg'), 'utf8')).toContain('Linear probe by layer');

    const seen = await igpt(['classify', '--model', model.directory, 'pictures/red/3.png', '--json'], options);
    expect(JSON.parse(seen.stdout)).toMatchObject({ classes: [{ label: 'red' }, { label: 'blue' }] });

    const evaluation = await igpt(
      ['eval', ...data, '--part', 'all', '--json', '--confusion', 'confusion.html'],
      options,
    );
    expect(evaluation.code, evaluation.stderr).toBe(0);
    const { pictures, top1, confusion } = JSON.parse(evaluation.stdout);
    expect(pictures).toBe(40);
    expect(top1).toBeGreaterThan(0.9);
    expect(confusion.flat().reduce((a: number, b: number) => a + b)).toBe(40);
    const page = readFileSync(join(folder.path, 'confusion.html'), 'utf8');
    expect(page).toMatch(/<tr><td>blue<\/td><td class="right">20<\/td>/);
  });

  test('reads tokens with labels, and few labels a class', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ preprocessor: false });
    const labels = Int32Array.from({ length: 60 }, (_, i) => i % 3);
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 60 * 16, 8), [60, 16]));
    writeFileSync(join(folder.path, 'y.npy'), encodeNpy(labels, [60]));
    const { code, stdout, stderr } = await igpt(
      [
        'probe',
        '--model',
        model.directory,
        '--data',
        'x.npy',
        '--labels',
        'y.npy',
        '--layers',
        '1',
        '--labels-per-class',
        '3',
        '--draws',
        '2',
        '--json',
      ],
      { cwd: folder.path },
    );

    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pictures: { train: 9, validation: 0, test: 6 },
      labels_per_class: 3,
      draws: 2,
      results: [{ layers: [1], test_accuracy: expect.any(Number), test_accuracy_deviation: expect.any(Number) }],
      kept: [1],
    });
  });
});

describe('igpt probe refuses', () => {
  const npy = { 'x.npy': encodeNpy(new Uint16Array(32), [2, 16]) };
  test.each<[string, string[], Record<string, Uint8Array>, RegExp, number]>([
    ['pictures without labels', ['--data', 'x.npy'], npy, /x\.npy has no labels; expected .*--labels y\.npy/, 1],
    [
      'labels of another number',
      ['--data', 'x.npy', '--labels', 'y.npy'],
      { ...npy, 'y.npy': encodeNpy(new Int32Array(3), [3]) },
      /expected 2 labels, one for each picture, received 3/,
      1,
    ],
    [
      'one class only',
      ['--data', 'x.npy', '--labels', 'y.npy'],
      { ...npy, 'y.npy': encodeNpy(new Int32Array(2), [2]) },
      /x\.npy has one class only, 0/,
      1,
    ],
    [
      'an empty class',
      ['--data', 'x.npy', '--labels', 'y.npy'],
      { ...npy, 'y.npy': encodeNpy(Int32Array.of(0, 2), [2]) },
      /class 1 of x\.npy has 0 pictures to train on/,
      1,
    ],
    [
      'a token outside the palette',
      ['--data', 'x.npy'],
      { 'x.npy': encodeNpy(new Uint16Array(32).fill(8), [2, 16]) },
      /expected every token from 0 to 7, received 8 in row 0, column 0/,
      1,
    ],
    [
      'tokens of another resolution',
      ['--data', 'x.npy'],
      { 'x.npy': encodeNpy(new Uint16Array(32), [1, 32]) },
      /expected \[N, 16\] for a model of 16 tokens per picture, received \[1, 32\]/,
      1,
    ],
    [
      'labels that are no numbers of classes',
      ['--data', 'x.npy', '--labels', 'y.npy'],
      { ...npy, 'y.npy': encodeNpy(new Float32Array(2), [2]) },
      /y\.npy: expected labels \[N\] of an integer dtype, received \[2\] of f4/,
      1,
    ],
    ['labels beside a directory', ['--data', '.', '--labels', 'y.npy'], {}, /--labels goes with tokens/, 2],
    ['data that is not there', ['--data', 'nope'], {}, /--data nope: expected cifar10, .* nothing of that name/, 2],
    ['a layer above the model', ['--data', 'x.npy', '--layers', '1,3'], npy, /layer 3: expected 0 to 2/, 2],
    [
      'a list of layers that is none',
      ['--data', 'x.npy', '--layers', '1-3'],
      npy,
      /--layers <list>: expected different layers/,
      2,
    ],
    ['draws of nothing', ['--data', 'x.npy', '--draws', '3'], npy, /--draws goes with --labels-per-class/, 2],
    ['another name for the probe', ['--data', 'x.npy', '--out', 'p.bin'], npy, /ends in \.safetensors/, 2],
  ])('%s', async (_, args, files, message, exit) => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    mkdirSync(join(folder.path, 'empty'));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder.path, name), bytes);
    const { code, stdout, stderr } = await igpt(
      ['probe', '--model', model.directory, '--validation-share', '0', '--test-share', '0', ...args],
      { cwd: folder.path },
    );

    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(code).toBe(exit);
    expect(stdout).toBe('');
  });

  test('a class folder without pictures', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    await redAndBlue(join(folder.path, 'pictures'), 2);
    mkdirSync(join(folder.path, 'pictures', 'green'));
    const { code, stderr } = await igpt(
      ['probe', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'],
      { cwd: folder.path },
    );

    expect(stderr).toContain('class green of pictures has 0 pictures to train on, expected 1 or more');
    expect(code).toBe(1);
  });

  test('pictures that lie in no class folder', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    await redAndBlue(join(folder.path, 'pictures'), 2);
    copyFileSync(join(folder.path, 'pictures/red/0.png'), join(folder.path, 'pictures/0.png'));
    const { code, stderr } = await igpt(
      ['probe', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'],
      { cwd: folder.path },
    );

    expect(stderr).toContain(
      'pictures has no labels (1 of 5 pictures are in no class folder, such as 0.png); expected every picture in a folder named by its class',
    );
    expect(code).toBe(1);
  });
});
