import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { writeProbe } from '../../lib/checkpoint/probe.ts';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { golden, goldenJson } from '../support/golden.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

const probabilities = z.array(z.number());
const expected = goldenJson(z.object({ plain: probabilities, sos: probabilities }), 'plain', 'expected.json');
const answer = z.object({
  model: z.string(),
  classes: z.array(z.object({ index: z.int(), probability: z.number() })),
});

/** A checkpoint whose head transformers trained on plain tokens. */
const classifier = { config: { architectures: ['ImageGPTForImageClassification'] } };

describe('igpt classify', () => {
  async function classify(...args: string[]) {
    const model = ['--model', golden('plain'), golden('plain', 'picture.png'), '--json'];
    const { code, stdout, stderr } = await igpt(['classify', ...model, ...args]);
    expect(code, stderr).toBe(0);
    return answer.parse(JSON.parse(stdout));
  }

  test('gives a classifier of transformers its plain tokens, and with --input sos those behind SOS', async () => {
    const [plain, same, sos] = [await classify(), await classify('--input', 'plain'), await classify('--input', 'sos')];

    expect(same).toEqual(plain);
    expect(sos.model).not.toBe(plain.model);
    for (const { index, probability } of plain.classes) expect(probability).toBeCloseTo(expected.plain[index]!, 6);
    for (const { index, probability } of sos.classes) expect(probability).toBeCloseTo(expected.sos[index]!, 6);
  });
});

test('igpt inspect says what the classes read and why, and that they cost a second pass', async () => {
  const { stdout } = await igpt(['inspect', golden('plain')]);
  expect(stdout).toMatch(/^class input +plain tokens \(no igpt\.input in config\.json, but the architecture is Image/m);
  expect(stdout).toMatch(/^classes, a second pass beside others +1 /m);

  const nano = await igpt(['inspect', 'igpt-nano']);
  expect(nano.stdout).toMatch(/^class input +tokens behind SOS \(igpt\.input is sos in config\.json\)$/m);
  expect(nano.stdout).toMatch(/^classes +6 /m);
});

test('igpt forward and eval read plain tokens for the classes, and keep the likelihood behind SOS', async () => {
  using folder = temporaryFolder();
  await using model = await tinyCheckpoint(classifier);
  writeFileSync(join(folder.path, 'x.npy'), encodeNpy(randomTokens(1, 30 * 16, 8), [30, 16]));
  const own = ['--model', model.directory];
  const forward = async (...args: string[]) => {
    const out = ['--output', 'classes', '--out', 'y.npy', '--force'];
    const { code, stderr } = await igpt(['forward', ...own, '--tokens', 'x.npy', ...out, ...args], {
      cwd: folder.path,
    });
    expect(code, stderr).toBe(0);
    return [...decodeNpy(readFileSync(join(folder.path, 'y.npy'))).data].map(Number);
  };
  const sos = await forward('--input', 'sos');
  const plain = await forward();
  const likeliest = Array.from({ length: 30 }, (_, i) => {
    const row = plain.slice(3 * i, 3 * i + 3);
    return row.indexOf(Math.max(...row));
  });
  writeFileSync(join(folder.path, 'labels.npy'), encodeNpy(Int32Array.from(likeliest), [30]));
  const evaluate = async (...args: string[]) => {
    const data = ['--data', 'x.npy', '--labels', 'labels.npy', '--part', 'all', '--json'];
    const { code, stdout, stderr } = await igpt(['eval', ...own, ...data, ...args], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };

  expect(plain).not.toEqual(sos);
  const measured = await evaluate();
  const behind = await evaluate('--input', 'sos');
  expect(measured).toMatchObject({ top1: 1, input: 'plain' });
  expect(behind.top1).toBeLessThan(1);
  expect(behind.nats_per_token).toBe(measured.nats_per_token);
});

describe('--input is refused', () => {
  test.each<[string, Parameters<typeof tinyCheckpoint>[0], string[], RegExp]>([
    [
      'run',
      { objective: 'bert' },
      ['run', 'pictures', '--input', 'sos'],
      /input sos: .* is a BERT model, which has no start/,
    ],
    ['run', { classes: 0 }, ['run', 'pictures', '--input', 'plain'], /expected a model with a class head/],
    [
      'run',
      {},
      ['run', 'pictures', '--input', 'plain', '--outputs', 'features'],
      /--input goes with classification, not with --outputs features/,
    ],
    ['run', {}, ['run', 'pictures', '--input', 'raw'], /--input <input>.*expected one of sos, plain; got 'raw'/],
    [
      'forward',
      {},
      ['forward', '--tokens', 'x.npy', '--output', 'features', '--out', 'y.npy', '--input', 'plain'],
      /--input goes with --output classes, not with --output features/,
    ],
    ['eval', {}, ['eval', '--data', 'x.npy', '--likelihood-only', '--input', 'sos'], /--input goes with accuracy/],
    ['probe', {}, ['probe', '--data', 'x.npy', '--input', 'plain'], /unknown option '--input'/],
  ])('by %s: %j', async (_, options, args, message) => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'pictures'));
    await using model = await tinyCheckpoint(options);
    const { code, stderr } = await igpt([...args, '--model', model.directory], { cwd: folder.path });

    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(code).toBe(2);
  });

  test('by classify for a probe, whose features are behind SOS', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint(classifier);
    const probe = { layers: [1], norm: 'next', labels: ['a', 'b'] } as const;
    const numbers = { weight: new Float32Array(32), bias: new Float32Array(2) };
    await writeProbe(join(model.directory, 'probe.safetensors'), { ...probe, ...numbers });
    const args = ['classify', 'x.png', '--model', model.directory, '--input', 'plain'];
    const { code, stderr } = await igpt(args, { cwd: folder.path });

    expect(stderr).toMatch(/input plain: expected score\.weight as the class head/);
    expect(code).toBe(2);
    const { stdout } = await igpt(['inspect', model.directory]);
    expect(stdout).toMatch(/^class input +tokens behind SOS \(a probe is fitted on features behind SOS\)$/m);
  });
});
