import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { golden, goldenInputs, goldenNpy } from '../support/golden.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { redAndBlue } from './training-data.ts';

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
