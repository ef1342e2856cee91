import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { igpt, temporaryFolder } from './igpt-process.ts';

test('reports agreement, likelihood, features, size and speed of each precision, and leaves its files in the cache', async () => {
  using cache = temporaryFolder();
  const args = ['quantize-weights', 'igpt-nano', '--json'];
  const { code, stdout, stderr } = await igpt(args, { env: { IGPT_CACHE: cache.path } });
  expect(code).toBe(0);
  expect(stderr).toContain('left out: 1 file, not readable as a picture'); // CREDITS.md
  const reports = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(reports.map(({ precision }) => precision)).toEqual(['int8', 'int8-block', 'f16']);
  for (const report of reports) {
    expect(report.pictures).toBe(12);
    expect(report.top1Agreement).toBeGreaterThan(0.9);
    expect(Math.abs(report.likelihoodShift.mean)).toBeLessThan(0.01);
    expect(report.featureCosines).toHaveLength(7);
    expect(Math.min(...report.featureCosines)).toBeGreaterThan(0.999);
    expect(report.bytes.other).toBeLessThan(report.bytes.checkpoint);
    expect(report.seconds.f32).toBeGreaterThan(0);
  }
  expect(reports[0].formats).toBe('i'.repeat(24));
  expect(readdirSync(cache.path)).toHaveLength(3);
});

test.each([
  [['quantize-weights', 'igpt-nano', '--pictures', '/nowhere'], 'expected a directory of pictures'],
  [['quantize-weights', 'igpt-nano', '--precision', 'int4'], 'expected one of int8, int8-block, f16'],
])('%j is a wrong command line', async (args, words) => {
  const { code, stderr } = await igpt(args);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});

test('the same model in int8 has another id, and its outcomes say int8', async () => {
  using cache = temporaryFolder();
  const env = { IGPT_CACHE: cache.path };
  const cat = 'test/fixtures/pictures/animals/cat.jpg';
  const [exact, int8] = await Promise.all(
    ['f32', 'int8'].map(async (precision) => igpt(['classify', cat, '--json', '--precision', precision], { env })),
  );
  const [a, b] = [JSON.parse(exact!.stdout), JSON.parse(int8!.stdout)];
  expect(b.model).not.toBe(a.model);
  expect(b.classes[0].label).toBe(a.classes[0].label);
  expect(int8!.stderr).toMatch(/^cpu: .*, int8$/m);
});

test('a provider that is not there is an error, never another provider', async () => {
  const { code, stdout, stderr } = await igpt([
    ...['classify', 'test/fixtures/pictures/animals/cat.jpg', '--provider', 'cuda'],
  ]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain('onnxruntime cannot open the graph on cuda');
});
