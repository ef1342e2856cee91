import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { golden, goldenInputs, goldenNpy } from '../support/golden.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { redAndBlue, writeNoise } from './training-data.ts';

describe('igpt eval', () => {
  test('gives the golden likelihood, in nats per token and bits per pixel', async () => {
    using folder = temporaryFolder();
    const { tokens } = goldenInputs('hf16');
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(Uint16Array.from(tokens, Number), [3, 64]));
    const { code, stdout, stderr } = await igpt(['eval', '--model', golden('hf16'), '--data', 'x.npy', '--json'], {
      cwd: folder.path,
    });

    expect(code, stderr).toBe(0);
    expect(stderr).toContain('x.npy has no labels: likelihood only');
    const { data } = goldenNpy('hf16', 'token_nll.npy');
    const nats = data.reduce((sum: number, value: number) => sum + value, 0) / data.length;
    const measured = JSON.parse(stdout);
    expect(measured.nats_per_token).toBeCloseTo(nats, 5);
    expect(measured.bits_per_pixel).toBeCloseTo(nats / Math.LN2, 5);
  });

  test('prints tables of accuracy and classes', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 30 * 16, 8), [30, 16]));
    writeFileSync(
      join(folder.path, 'y.npy'),
      encodeNpy(
        BigInt64Array.from({ length: 30 }, (_, i) => BigInt(i % 3)),
        [30],
      ),
    );
    const args = ['eval', '--model', model.directory, '--data', 'x.npy', '--labels', 'y.npy', '--part', 'all'];
    const { code, stdout, stderr } = await igpt(args, { cwd: folder.path });

    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /pictures +30\ntop-1 % +\d+\.\d\ntop-5 % +100\.0\nnats per token +\d\.\d{4}\nbits per pixel/,
    );
    expect(stdout).toMatch(/class 2 +10 +\d+\.\d/);
  });

  test.each([
    [{ classes: 3, config: { problem_type: 'regression' } }, 'has no classes: config.json has problem_type regression'],
    [{ classes: 1 }, 'has one label, which is always the most probable one'],
  ])('measures no accuracy of classes that say nothing: %j', async (options, reason) => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint(options);
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 4 * 16, 8), [4, 16]));
    writeFileSync(join(folder.path, 'y.npy'), encodeNpy(BigInt64Array.of(0n, 0n, 0n, 0n), [4]));
    const args = ['eval', '--model', model.directory, '--data', 'x.npy', '--labels', 'y.npy', '--json'];
    const { code, stdout, stderr } = await igpt(args, { cwd: folder.path });

    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`${reason}`);
    expect(stderr).toContain(': likelihood only');
    expect(JSON.parse(stdout).top1 ?? null).toBeNull();
  });

  test('reads a BERT model under masks: the same for the same seed', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ objective: 'bert' });
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 30 * 16, 8), [30, 16]));
    const run = async (...args: string[]) => {
      const all = ['eval', '--model', model.directory, '--data', 'x.npy', '--json', ...args];
      const { code, stdout, stderr } = await igpt(all, { cwd: folder.path });
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };

    const first = await run();
    expect(first).toMatchObject({ masks: 5, nats_per_token: expect.any(Number) });
    expect(await run('--workers', '1')).toEqual(first);
    expect((await run('--seed', '1')).nats_per_token).not.toBe(first.nats_per_token);
  });

  test('measures by default what igpt train held out, with its seed and shares, and says so', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    const options = { cwd: folder.path };
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 60 * 16, 8), [60, 16]));
    writeFileSync(join(folder.path, 'other.npy'), encodeNpy(randomTokens(2, 60 * 16, 8), [60, 16]));
    const split = ['--split-seed', '7', '--test-share', '0.2'];
    const recipe = ['--steps', '1', '--batch', '4', '--no-augment', '--out', 'out'];
    const from = ['train', '--objective', 'ar', '--model', model.directory, '--data', 'x.npy'];
    const trained = await igpt([...from, ...split, ...recipe], options);
    expect(trained.code, trained.stderr).toBe(0);
    const measure = async (...args: string[]) => JSON.parse((await igpt(['eval', ...args, '--json'], options)).stdout);

    const held = await measure('--model', 'out', '--data', 'x.npy');
    expect(held).toMatchObject({
      part: 'test',
      pictures: 12,
      pictures_in_data_set: 60,
      split: { test_share: 0.2, seed: 7 },
      seen_in_training: 0,
    });
    const given = await measure('--model', model.directory, '--data', 'x.npy', ...split);
    expect(given).toMatchObject({ part: 'test', pictures: 12, seen_in_training: null });

    expect(await measure('--model', 'out', '--data', 'x.npy', '--part', 'all')).toMatchObject({
      pictures: 60,
      seen_in_training: 42, // 60 - 12 to test - 6 to validate
    });
    const otherSplit = await measure('--model', 'out', '--data', 'x.npy', '--split-seed', '8');
    expect(otherSplit).toMatchObject({ pictures: 12, split: { test_share: 0.2, seed: 8 } });
    expect(otherSplit.seen_in_training).toBeGreaterThan(0);
    expect(await measure('--model', 'out', '--data', 'other.npy')).toMatchObject({
      part: 'test',
      pictures: 6,
      seen_in_training: null,
      trainings_on_other_data: 1,
    });

    const { stdout } = await igpt(['eval', '--model', 'out', '--data', 'x.npy'], options);
    expect(stdout).toMatch(/which pictures +test part: 12 of 60 pictures, held out with split seed 7\n/);
    expect(stdout).toMatch(/seen in training +none, by the model’s record\n/);
  });

  test('knows what a probe was fitted on, wherever it is copied', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ classes: 0, n_colors: 32, seed: 4 });
    const options = { cwd: folder.path };
    await redAndBlue(join(folder.path, 'pictures'), 20);
    const data = ['--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const probe = await igpt(['probe', ...data, '--split-seed', '3', '--out', 'p.safetensors'], options);
    expect(probe.code, probe.stderr).toBe(0);
    copyFileSync(join(folder.path, 'p.safetensors'), join(model.directory, 'probe.safetensors'));

    const { stdout } = await igpt(['eval', ...data, '--json'], options);
    expect(JSON.parse(stdout)).toMatchObject({ part: 'test', pictures: 4, split: { seed: 3 }, seen_in_training: 0 });
    const all = await igpt(['eval', ...data, '--part', 'all'], options);
    // The probe is fitted again on the validation pictures.
    expect(all.stdout).toMatch(/which pictures +all 40 pictures\nseen in training +36 of 40, by the model’s record\n/);
  });

  test('tells two classes of one name apart, or refuses their name', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ config: { id2label: { 0: 'crane', 1: 'ship', 2: 'crane' } } });
    await writeNoise(join(folder.path, 'pictures', 'crane', '1.png'), [180, 20, 20]);
    await writeNoise(join(folder.path, 'pictures', 'ship', '1.png'), [20, 20, 180]);
    const args = ['eval', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const refused = await igpt(args, { cwd: folder.path });
    expect(refused.stderr).toContain('the model has 2 classes named crane, which a class of pictures is named: rename it to crane (0) or crane (2)'); // biome-ignore format: one line
    expect(refused.code).toBe(1);

    renameSync(join(folder.path, 'pictures', 'crane'), join(folder.path, 'pictures', 'crane (2)'));
    const { code, stdout, stderr } = await igpt(args, { cwd: folder.path });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/\ncrane \(0\) +0 .*\nship +1 .*\ncrane \(2\) +1 /);
  });

  test('measures a data set of test pictures alone', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    for (const i of [1, 2, 3]) await writeNoise(join(folder.path, 'pictures', 'test', `${i}.png`), [180, 20, 20]);
    const args = ['eval', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    for (const part of [[], ['--part', 'all'], ['--part', 'test']]) {
      const { code, stdout, stderr } = await igpt([...args, ...part, '--json'], { cwd: folder.path });
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout).pictures).toBe(3);
    }
  });

  test('measures the part that igpt probe holds out', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 30 * 16, 8), [30, 16]));
    const args = ['eval', '--model', model.directory, '--data', 'x.npy', '--part', 'test', '--json'];
    const { stdout, stderr } = await igpt(args, { cwd: folder.path });

    expect(JSON.parse(stdout).pictures, stderr).toBe(3);
  });
});

describe('igpt eval refuses', () => {
  test('classes that the model does not know, unless they are left out', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    await redAndBlue(join(folder.path, 'pictures'), 1);
    const args = ['eval', '--model', model.directory, '--data', 'pictures', '--cache', 'cache', '--decoders', '1'];

    const refused = await igpt(args, { cwd: folder.path });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/2 of the 2 classes of pictures are not among the model's 3 \(blue, red\)/);

    const likelihood = await igpt([...args, '--likelihood-only'], { cwd: folder.path });
    expect(likelihood.code, likelihood.stderr).toBe(0);
    expect(likelihood.stdout).not.toContain('top-1');
  });

  test.each([
    ['masks of an autoregressive model', {}, ['--masks', '3'], /--masks is for BERT models/, 2],
    ['a matrix without classes', { classes: 0 }, ['--confusion', 'c.png'], /--confusion needs labelled pictures/, 2],
    ['to measure nothing', { classes: 0, lmHead: false }, [], /has no likelihood here, and no classes/, 1],
    ['an empty part', {}, ['--part', 'validation'], /the validation part of x\.npy has no pictures/, 1],
    ['a matrix in another format', {}, ['--confusion', 'c.jpg'], /ends in \.svg or \.png/, 2],
  ] as const)('%s', async (_, checkpoint, args, message, exit) => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint(checkpoint);
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(new Uint16Array(32), [2, 16]));
    const { code, stderr } = await igpt(['eval', '--model', model.directory, '--data', 'x.npy', ...args], {
      cwd: folder.path,
    });

    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(code).toBe(exit);
  });
});
