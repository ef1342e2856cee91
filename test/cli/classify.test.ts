import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { writeProbe } from '../../lib/checkpoint/probe.ts';
import { golden } from '../support/golden.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

const line = z.discriminatedUnion('status', [
  z.strictObject({
    file: z.string(),
    status: z.literal('succeeded'),
    model: z.string(),
    image: z.strictObject({ format: z.string(), width: z.int(), height: z.int() }),
    classes: z.array(z.strictObject({ label: z.string(), index: z.int(), probability: z.number().min(0).max(1) })),
  }),
  z.strictObject({
    file: z.string(),
    status: z.literal('failed'),
    error: z.strictObject({ code: z.string(), message: z.string() }),
  }),
]);

test('prints a row a file in the order given, the likeliest class first', async () => {
  using folder = temporaryFolder();
  await writePicture(join(folder.path, 'b.png'), 1);
  await writePicture(join(folder.path, 'a.png'), 2);
  const { code, stdout, stderr } = await igpt(['classify', 'b.png', 'a.png', '--top', '2'], { cwd: folder.path });

  expect(code, stderr).toBe(0);
  const rows = stdout.trim().split('\n');
  expect(rows[0]).toMatch(/^file +1\. +2\.$/);
  expect(rows[1]).toMatch(/^b\.png +\w+ \d+\.\d % +\w+ \d+\.\d %$/);
  expect(rows[2]).toMatch(/^a\.png /);
  expect(stderr).toContain('igpt-nano is a small model');
});

test('--json: all classes of a picture add up to one; a file that fails has its code, and the command fails', async () => {
  using folder = temporaryFolder();
  await writePicture(join(folder.path, 'a.png'), 1);
  writeFileSync(join(folder.path, 'empty.png'), '');
  const files = ['a.png', 'empty.png', 'missing.png', '.'];
  const { code, stdout } = await igpt(['classify', ...files, '--json', '--top', '10'], { cwd: folder.path });

  expect(code).toBe(1);
  const [picture, ...failed] = stdout
    .trim()
    .split('\n')
    .map((text) => line.parse(JSON.parse(text)));
  const classes = picture?.status === 'succeeded' ? picture.classes : [];
  expect(classes).toHaveLength(10);
  expect(classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
  expect(failed).toMatchObject([
    { file: 'empty.png', error: { code: 'empty_object' } },
    { file: 'missing.png', error: { code: 'not_found' } },
    { file: '.', error: { code: 'not_a_file' } },
  ]);
});

test('a model for several labels at a time gives each its own probability: logits of 0 give 1/2, of 2 ln 3 give 9/10', async () => {
  using folder = temporaryFolder();
  await writePicture(join(folder.path, 'a.png'), 1);
  // The norm of the last layer has a gain of 0: features and so logits are 0. The probe adds its bias to that.
  const zero = (data: Float32Array) => new Float32Array(data.length);
  await using model = await tinyCheckpoint({
    config: { problem_type: 'multi_label_classification' },
    tensors: (all) =>
      all.map((tensor) => (tensor.name.includes('ln_f') ? { ...tensor, data: zero(tensor.data) } : tensor)),
  });
  const classify = async () => {
    const { code, stdout, stderr } = await igpt(['classify', 'a.png', '--json', '--model', model.directory], {
      cwd: folder.path,
    });
    expect(code, stderr).toBe(0);
    const found = line.parse(JSON.parse(stdout));
    return found.status === 'succeeded' ? found.classes.map(({ probability }) => probability) : [];
  };
  expect(await classify()).toEqual([0.5, 0.5, 0.5]);
  const probe = { layers: [1], norm: 'next', weight: new Float32Array(16) } as const;
  await writeProbe(join(model.directory, 'probe.safetensors'), {
    ...{ ...probe, labels: ['only'], bias: Float32Array.of(2 * Math.log(3)) },
  });
  expect((await classify())[0]).toBeCloseTo(0.9, 6);
});

test('a multi-label model that transformers trained gives the sigmoids of a float64 pass over plain tokens', async () => {
  using folder = temporaryFolder();
  const model = golden('multi-label');
  const { stdout } = await igpt(['classify', join(model, 'picture.png'), '--json', '--model', model], {
    cwd: folder.path,
  });
  const { classes } = z
    .object({ classes: z.array(z.object({ label: z.string(), probability: z.number() })) })
    .parse(JSON.parse(stdout));

  expect(classes.map(({ label }) => label)).toEqual(['red', 'blue', 'green']);
  [0.9332368018, 0.7266643976, 0.2762069357].forEach((probability, i) => {
    expect(classes[i]?.probability).toBeCloseTo(probability, 6);
  });
});

test('a model that answers with NaN fails the file, and the command', async () => {
  using folder = temporaryFolder();
  await using damaged = await tinyCheckpoint({
    tensors: (all) =>
      all.map((tensor) =>
        tensor.name === 'score.weight' ? { ...tensor, data: tensor.data.slice().fill(NaN) } : tensor,
      ),
  });
  await writePicture(join(folder.path, 'a.png'), 1);
  const { code, stdout } = await igpt(['classify', 'a.png', '--model', damaged.directory], { cwd: folder.path });

  expect(stdout).toMatch(/^a\.png +inference_failed$/m);
  expect(stdout).not.toContain('NaN');
  expect(code).toBe(1);
});

test('a model without a class head is a usage error', async () => {
  using folder = temporaryFolder();
  await using headless = await tinyCheckpoint({ classes: 0 });
  await writePicture(join(folder.path, 'a.png'), 1);
  const { code, stdout, stderr } = await igpt(['classify', 'a.png', '--model', headless.directory], {
    cwd: folder.path,
  });

  expect(stderr).toMatch(/^igpt: .* has no classification: .*\n$/);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('a checkpoint without a palette reads no pictures', async () => {
  using folder = temporaryFolder();
  await using tokensOnly = await tinyCheckpoint({ preprocessor: false });
  await writePicture(join(folder.path, 'a.png'), 1);
  const { code, stderr } = await igpt(['classify', 'a.png', '--model', tokensOnly.directory], { cwd: folder.path });

  expect(stderr).toMatch(/^igpt: .*expected preprocessor_config\.json.*\n$/);
  expect(code).toBe(1);
});

test('- is a picture on standard input; a second one is refused', async () => {
  using folder = temporaryFolder();
  await writePicture(join(folder.path, 'a.png'), 1);
  const stdin = readFileSync(join(folder.path, 'a.png'));
  const { code, stdout, stderr } = await igpt(['classify', '-', 'a.png', '--json'], { cwd: folder.path, stdin });
  expect(code, stderr).toBe(0);
  const [first, second] = stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect([first.file, second.file]).toEqual(['standard input', 'a.png']);
  expect(first.classes).toEqual(second.classes);

  expect(await igpt(['classify', '-', '-'], { stdin })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('expected - once: it can be read once'),
  });
});

test('an empty standard input is an empty picture', async () => {
  const { code, stdout } = await igpt(['quantize', '-', '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    file: 'standard input',
    status: 'failed',
    error: { code: 'empty_object', message: 'Expected a picture, received 0 bytes.' },
  });
});
