import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

test('shows outliers and int8 cosines of every layer', async () => {
  using cache = temporaryFolder();
  const env = { IGPT_CACHE: cache.path };
  const { code, stdout } = await igpt(['verify', 'igpt-nano', '--json'], { env });
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ model: 'igpt-nano', non_finite: [], pinned: null });
  expect(report.outliers).toHaveLength(7);
  expect(report.int8_matrix_cosines).toHaveLength(24);
  expect(Math.min(...report.int8_matrix_cosines)).toBeGreaterThan(0.999);

  const [derived = ''] = readdirSync(cache.path);
  const bytes = readFileSync(join(cache.path, derived));
  writeFileSync(join(cache.path, derived), bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 64));
  const again = await igpt(['verify', 'igpt-nano', '--json'], { env });
  expect(again.stderr).toMatch(/^\S+ is damaged: its checksum does not match\. It is written again\.$/m);
  expect(again.stdout).toBe(stdout);
});

test('--picture is refused for a model of another shape than the pinned one', async () => {
  await using model = await tinyCheckpoint();
  const { code, stderr } = await igpt(['verify', model.directory, '--picture', 'x.png']);
  expect(code).toBe(2);
  expect(stderr).toContain('another shape');
});

test('weights that are no numbers are not called sound', async () => {
  await using model = await tinyCheckpoint({
    tensors: (tensors) => {
      tensors.find(({ name }) => name === 'lm_head.weight')!.data[7] = Infinity;
      return tensors;
    },
  });
  const words = await igpt(['verify', model.directory]);
  const json = await igpt(['verify', model.directory, '--json']);

  expect(words.code).toBe(1);
  expect(words.stdout).toMatch(/^NOT valid: the weights hold NaN or infinity, in lm_head\.weight \(1\)/);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ non_finite: [{ tensor: 'lm_head.weight', count: 1 }], outliers: [] });
});
