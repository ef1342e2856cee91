import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { distance, golden, goldenJson } from '../support/golden.ts';
import { readTensors } from '../support/safetensors-file.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { redAndBlue } from './training-data.ts';
import { metricsOf, writeTokens } from './training-run.ts';

/** Golden's: torch in float32 strays 8e-6 from float64. */
const TOLERANCE = 1e-5;

const rows = z.array(z.array(z.number()));
const inputsSchema = z.object({ opt_X: z.array(rows), opt_Y: rows, opt_bert_masked: z.array(rows) });

describe('igpt train', () => {
  test.each([
    { name: 'hf16', optimizer: 'adam' },
    { name: 'oa16', optimizer: 'adamw' },
    { name: 'oa512bert', optimizer: 'adam' },
  ])("takes golden's three steps of $optimizer from $name, and keeps its layout", async ({ name, optimizer }) => {
    using folder = temporaryFolder();
    const { opt_X, opt_Y, opt_bert_masked } = goldenJson(inputsSchema, name, 'inputs.json');
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(Uint16Array.from(opt_X.flat(2)), [6, 64]));
    writeFileSync(join(folder.path, 'y.npy'), encodeNpy(Int32Array.from(opt_Y.flat()), [6]));
    writeFileSync(join(folder.path, 'm.npy'), encodeNpy(Uint8Array.from(opt_bert_masked.flat(2)), [6, 64]));
    const recipe = `--no-shuffle --no-augment --steps 3 --batch 2 --optimizer ${optimizer} --lr 1e-3 --schedule constant`;
    const { code, stderr } = await igpt(
      [
        ...['train', '--objective', 'joint', '--model', golden(name), '--tokens', 'x.npy', '--labels', 'y.npy'],
        ...[...recipe.split(' '), '--out', 'out'],
        ...(optimizer === 'adamw' ? ['--weight-decay', '0.01'] : []),
        ...(name === 'oa512bert' ? ['--mask', 'm.npy'] : []),
      ],
      { cwd: folder.path },
    );
    expect(code, stderr).toBe(0);

    const trained = await readTensors(join(folder.path, 'out', 'model.safetensors'));
    const expected = await readTensors(golden(name, `params_after_3_${optimizer}.safetensors`));
    expect([...trained.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [tensor, values] of expected) {
      // The key's bias has a gradient of 0, of whose round-off Adam makes steps (see golden's README).
      const keep = (data: Float32Array) => data.filter((_, i) => !tensor.endsWith('c_attn.bias') || i < 32 || i >= 64);
      expect(distance(keep(trained.get(tensor)!), keep(values)), tensor).toBeLessThan(TOLERANCE);
    }
  });

  test('pre-trains on a folder of pictures, keeps the best model, and draws and writes its losses', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32, classes: 0 });
    await redAndBlue(join(folder.path, 'pictures'), 20);
    const recipe = '--epochs 6 --batch 8 --lr 1e-2 --warmup 2 --clip 1 --validation-share 0.25';
    const { code, stdout, stderr } = await igpt(
      [
        ...['train', '--objective', 'ar', '--model', model.directory, '--data', 'pictures', '--cache', 'cache'],
        ...['--decoders', '1', '--out', 'out', '--json', ...recipe.split(' ')],
      ],
      { cwd: folder.path },
    );
    expect(code, stderr).toBe(0);

    // 26 of 40 pictures are left to train on (a quarter and a tenth of each class are not): 4 steps an epoch.
    const { best, step } = JSON.parse(stdout);
    expect(step).toBe(20);
    const out = join(folder.path, 'out');
    const metrics = metricsOf(out);
    const held = metrics.filter(({ type }) => type === 'validation');
    expect(held.map((metric) => metric.step)).toEqual([4, 8, 12, 16, 20]);
    const lowest = Math.min(...held.map(({ loss }) => loss));
    expect(best.loss).toBe(lowest);
    expect(lowest).toBeLessThan(metrics[0]!.loss);
    expect(readFileSync(join(out, 'training', 'metrics.svg'), 'utf8')).toContain('held out');
    expect(
      readFileSync(join(out, 'training', 'report.html'), 'utf8').match(/<tr><td class="right">\d+<\/td>/g),
    ).toEqual([20, 16, 12, 8, 4].map((measured) => `<tr><td class="right">${measured}</td>`));
    expect((await openCheckpoint(out)).name).toBe('out');

    const { stdout: again } = await igpt(
      ['eval', '--model', 'out', '--data', 'pictures', '--cache', 'cache', '--decoders', '1', '--part', 'validation', '--validation-share', '0.25', '--json'], // biome-ignore format: one line
      { cwd: folder.path },
    );
    expect(JSON.parse(again).nats_per_token).toBeCloseTo(lowest, 5);
  });

  test('fine-tunes with a new head, which classify and eval use at once', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32 });
    await redAndBlue(join(folder.path, 'pictures'), 20);
    const data = ['--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const recipe = '--objective joint --new-head --epochs 12 --batch 8 --lr 1e-2 --best accuracy --patience 8';
    for (const [out, more] of [
      ['last', []],
      ['inner', ['--head-layer', '1']],
    ] as const) {
      const { code, stderr } = await igpt(
        ['train', '--model', model.directory, ...data, ...recipe.split(' '), '--out', out, ...more],
        { cwd: folder.path },
      );
      expect(code, stderr).toBe(0);
      const evaluation = await igpt(['eval', '--model', out, ...data, '--part', 'train', '--json'], {
        cwd: folder.path,
      });
      expect(JSON.parse(evaluation.stdout).top1, evaluation.stderr).toBeGreaterThan(0.9);
      const seen = await igpt(['classify', '--model', out, 'pictures/red/3.png', '--json'], { cwd: folder.path });
      expect(JSON.parse(seen.stdout)).toMatchObject({ classes: [{ label: 'red' }, { label: 'blue' }] });
    }
    expect(existsSync(join(folder.path, 'inner', 'probe.safetensors'))).toBe(true);
    const config = JSON.parse(readFileSync(join(folder.path, 'last', 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['ImageGPTForImageClassification'],
      id2label: { 0: 'blue', 1: 'red' },
      label2id: { blue: 0, red: 1 },
    });
  });

  test('writes a BERT model in OpenAI’s layout, also from one in Hugging Face’s, and says that dropout is off', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32, objective: 'bert' });
    await redAndBlue(join(folder.path, 'pictures'), 4);
    const data = ['--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const recipe = ['--objective', 'joint', '--new-head', '--epochs', '2', '--batch', '4', '--lr', '1e-3'];
    const { code, stderr } = await igpt(['train', '--model', model.directory, ...data, ...recipe, '--out', 'out'], {
      cwd: folder.path,
    });
    expect(code, stderr).toBe(0);
    expect(stderr.match(/dropout is off/g)).toHaveLength(1);
    const { weights, config, labels } = await openCheckpoint(join(folder.path, 'out'));
    expect(weights).toMatchObject({ layout: 'openai', score: { name: 'model/clf/wclf' } });
    expect(config.objective).toBe('bert');
    expect(labels).toEqual(['blue', 'red']);
    const json: unknown = JSON.parse(readFileSync(join(folder.path, 'out', 'config.json'), 'utf8'));
    expect(json).toMatchObject({ n_vocab: 32, bert: true, id2label: { 0: 'blue', 1: 'red' } });
    expect(json).not.toHaveProperty('model_type');
  });

  test.each([
    ['multi_label_classification', /is for multi_label_classification, .*; add --new-head/],
    ['regression', /is for regression, .*; add --new-head/],
  ])('does not train a class head for %s, but replaces it', async (problem_type, refusal) => {
    using folder = temporaryFolder();
    const names = { id2label: { 0: 'blue', 1: 'red' }, problem_type, resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };
    await using model = await tinyCheckpoint({ n_colors: 32, classes: 2, config: names });
    await redAndBlue(join(folder.path, 'pictures'), 4);
    const train = (...more: string[]) =>
      igpt(
        ['train', '--objective', 'joint', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1', '--steps', '1', '--batch', '2', '--out', 'out', ...more], // biome-ignore format: one line
        { cwd: folder.path },
      );
    const refused = await train();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(refusal);
    expect(refused.stderr).not.toContain('dropout');
    const replaced = await train('--new-head');
    expect(replaced.code, replaced.stderr).toBe(0);
    expect((await openCheckpoint(join(folder.path, 'out'))).classFunction).toBe('softmax');
  });

  test('goes on with no other classes, leaves out a probe, and says so; says when nothing is held out', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32 });
    await redAndBlue(join(folder.path, 'pictures'), 2);
    const pictures = ['--cache', 'cache', '--decoders', '1', '--steps', '1', '--batch', '2'];
    const train = (...args: string[]) =>
      igpt(['train', '--objective', 'joint', ...pictures, ...args], { cwd: folder.path });
    const inner = ['--model', model.directory, '--new-head', '--head-layer', '1', '--out', 'inner'];
    const first = await train(...inner, '--data', 'pictures');
    expect(first.stderr).toContain('nothing is held out: the last model is kept');
    renameSync(join(folder.path, 'pictures', 'red'), join(folder.path, 'pictures', 'crimson'));
    const renamed = await train(...inner, '--data', 'pictures');
    expect(renamed.stderr).toContain('--data (its classes) was blue, red, now blue, crimson');

    const again = await train('--model', 'inner', '--data', 'pictures', '--out', 'again');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('the probe of inner is left out: a new class head is trained');
  });

  test('stops when the loss is no number, and leaves the checkpoints before', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    writeTokens(folder.path);
    const recipe = '--steps 50 --batch 8 --save-every 1 --lr 1e30 --warmup 20';
    const { code, stderr } = await igpt(
      [
        'train',
        '--objective',
        'ar',
        '--model',
        model.directory,
        '--tokens',
        'x.npy',
        '--out',
        'out',
        ...recipe.split(' '),
      ],
      { cwd: folder.path },
    );
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /training diverged at step \d+: .*; earlier checkpoints are intact: .*lower --lr/,
    );
  });
});

describe('igpt train refuses', () => {
  const npy = (shape: [number, number], value = 0) =>
    encodeNpy(new Uint16Array(shape[0] * shape[1]).fill(value), shape);
  const labels = (...values: number[]) => encodeNpy(Int32Array.from(values), [values.length]);
  const x = { 'x.npy': npy([4, 16]) };
  const joint = ['--objective', 'joint', '--tokens', 'x.npy', '--labels', 'y.npy'];
  const ar = ['--objective', 'ar', '--tokens', 'x.npy'];
  test.each<[string, string[], Record<string, Uint8Array>, RegExp, number]>([
    [
      'labels of another number',
      joint,
      { ...x, 'y.npy': labels(0, 1, 2) },
      /expected 4 labels, one for each picture, received 3/,
      1,
    ],
    [
      'labels that the head does not have',
      joint,
      { ...x, 'y.npy': labels(0, 1, 2, 3) },
      /classes of x\.npy are not among the model's 3 .*--new-head/,
      1,
    ],
    ['one class only', joint, { ...x, 'y.npy': labels(2, 2, 2, 2) }, /x\.npy has 2 only/, 1],
    [
      'an empty class of a new head',
      [...joint, '--new-head'],
      { ...x, 'y.npy': labels(0, 2, 0, 2) },
      /class 1 of x\.npy has 0 pictures/,
      1,
    ],
    ['no labels', ['--objective', 'joint', '--data', 'x.npy'], x, /x\.npy has no labels/, 1],
    [
      'a token outside the palette',
      ar,
      { 'x.npy': npy([4, 16], 8) },
      /expected every token from 0 to 7, received 8 in row 0, column 0/,
      1,
    ],
    [
      'another resolution',
      ar,
      { 'x.npy': npy([4, 64]) },
      /expected \[N, 16\] for a model of 16 tokens per picture, received \[4, 64\]/,
      1,
    ],
    ['masks of an autoregressive model', [...ar, '--mask', 'm.npy'], x, /--mask goes with BERT/, 2],
    [
      'masks of another number',
      ['--objective', 'bert', '--tokens', 'x.npy', '--no-augment', '--mask', 'm.npy'],
      { ...x, 'm.npy': npy([3, 16]) },
      /m\.npy: expected 4 masks, one per picture, received 3/,
      1,
    ],
    [
      'two sources',
      [...ar, '--data', 'cifar10'],
      x,
      /expected --data DATA or --tokens x\.npy, received (both|neither)/,
      2,
    ],
    ['no source', ['--objective', 'ar'], {}, /expected --data DATA or --tokens x\.npy, received (both|neither)/, 2],
    ['no objective', ['--tokens', 'x.npy'], x, /required option '--objective <objective>' not specified/, 2],
    [
      'steps and epochs',
      [...ar, '--steps', '3', '--epochs', '2'],
      x,
      /option '--steps <n>' cannot be used with option '--epochs <e>'/,
      2,
    ],
    [
      'a warm-up longer than the run',
      [...ar, '--steps', '3', '--warmup', '4'],
      x,
      /--warmup 4: expected at most 3, the steps/,
      2,
    ],
    [
      'to continue and to start over',
      [...ar, '--resume', '--force'],
      x,
      /'--resume' cannot be used with option '--force'/,
      2,
    ],
    ['a judge without held-out pictures', [...ar, '--patience', '3'], x, /no pictures of x\.npy are held out/, 1],
    [
      'a head of another objective',
      [...ar, '--head-layer', '1'],
      x,
      /--head-layer, --new-head and --best accuracy go with --objective joint/,
      2,
    ],
    [
      'a layer above the model',
      [...joint, '--head-layer', '3'],
      { ...x, 'y.npy': labels(0, 1, 2, 0) },
      /--head-layer 3: expected 0 to 2/,
      2,
    ],
  ])('%s', async (_, args, files, message, exit) => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder.path, name), bytes);
    const { code, stdout, stderr } = await igpt(['train', '--model', model.directory, '--out', 'out', ...args], {
      cwd: folder.path,
    });

    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(code).toBe(exit);
    expect(stdout).toBe('');
    expect(existsSync(join(folder.path, 'out'))).toBe(false);
  });

  test('an empty class folder, and the model itself for its output', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ classes: 0 });
    await redAndBlue(join(folder.path, 'pictures'), 2);
    mkdirSync(join(folder.path, 'pictures', 'green'));
    copyFileSync(join(folder.path, 'pictures/red/0.png'), join(folder.path, 'pictures/red/9.png'));
    const args = ['train', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const empty = await igpt([...args, '--objective', 'joint', '--out', 'out'], { cwd: folder.path });
    expect(empty.stderr).toContain('class green of pictures has 0 pictures to train on, expected 1 or more');
    expect(empty.code).toBe(1);

    const itself = await igpt([...args, '--objective', 'ar', '--out', model.directory], { cwd: folder.path });
    expect(itself.stderr).toMatch(/--model \S+ lies in --out \S+, where training replaces models/);
    expect(itself.code).toBe(2);
  });
});
