import { expect, test } from 'vitest';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

test('shows outliers and int8 cosines of every layer', async () => {
  using cache = temporaryFolder();
  const env = { IGPT_CACHE: cache.path };
  const { code, stdout } = await igpt(['verify', 'igpt-nano', '--json'], { env });
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ model: 'igpt-nano', pinned: null });
  expect(report.outliers).toHaveLength(7);
  expect(report.int8_matrix_cosines).toHaveLength(24);
  expect(Math.min(...report.int8_matrix_cosines)).toBeGreaterThan(0.999);
});

test('--picture is refused for a model of another shape than the pinned one', async () => {
  await using model = await tinyCheckpoint();
  const { code, stderr } = await igpt(['verify', model.directory, '--picture', 'x.png']);
  expect(code).toBe(2);
  expect(stderr).toContain('another shape');
});
