import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { jobSummary } from '../../lib/contracts/job.ts';
import { openShard } from '../../lib/jobs/parquet/shard-file.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

const pictureFolder = join(repositoryRoot, 'test/fixtures/pictures');

/** Content of every file that holds no times. */
function outputOf(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(parquet|json|jsonl)$/.test(name),
  );
  const stable = names.filter((name) => name !== '_summary.json').toSorted();
  return Object.fromEntries(stable.map((name) => [name, readFileSync(join(out, name)).toString('base64')]));
}

test('batch run writes shards, and makes missing ones again, byte for byte', async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, 'shards');
  const args = ['batch', 'run', pictureFolder, '--out', out, '--shard-size', '5'];
  const first = await igpt([...args, '--json', '--usd-per-hour', '1']);
  expect(first.code, first.stderr).toBe(0);
  const summary = jobSummary.parse(JSON.parse(first.stdout));
  expect(summary).toMatchObject({ pictures: 13, succeeded: 12, failures: { unsupported_format: 1 } });
  expect(summary.last_run.cost_usd).toBeGreaterThan(0);
  const whole = outputOf(out);
  expect(Object.keys(whole).filter((name) => name.endsWith('.parquet'))).toEqual([
    'part-00000.parquet',
    'part-00001.parquet',
    'part-00002.parquet',
  ]);
  const rows = await openShard(readFileSync(join(out, 'part-00000.parquet'))).read();
  expect(rows.map(({ key, error_code }) => [key, error_code])).toEqual([
    ['CREDITS.md', 'unsupported_format'],
    ['animals/cat-sideways.jpg', null],
    ['animals/cat.jpg', null],
    ['food/coffee.webp', null],
    ['people/astronaut.jpg', null],
  ]);
  expect(rows[2]).toMatchObject({ label: 'frog', probability: expect.closeTo(0.8449665585, 6) });

  // Readers of Parquet skip a name that starts with an underscore.
  expect(first.stderr).toContain(`report: ${join(out, '_report.html')}\n`);
  const report = readFileSync(join(out, '_report.html'), 'utf8');
  expect(report.match(/^\{"key"/gm)).toHaveLength(13);
  expect(report.match(/"thumbnail":"[^"]+","tokens":"[^"]+","surprise":"[^"]+"/g)).toHaveLength(12);
  expect(report).toMatch(/id="totals">\{"pictures":13,"succeeded":12,"failed":1,"nats":[\d.]+,"labels":\[\["deer",4\]/);

  const bytes = readFileSync(join(out, 'part-00001.parquet'));
  bytes[50] = (bytes[50] ?? 0) ^ 1;
  writeFileSync(join(out, 'part-00001.parquet'), bytes);
  const verified = await igpt(['batch', 'verify', out, '--remove']);
  expect(verified).toMatchObject({ code: 1, stdout: 'damaged  part-00001.parquet\n' });
  const again = await igpt(args);
  expect(again.stdout).toMatch(/13 +12 +1 +3 +5 in /);
  expect(outputOf(out)).toEqual(whole);
  expect(await igpt(['batch', 'verify', out])).toMatchObject({ code: 0, stderr: '3 of 3 shards are whole\n' });
});

test('batch retry reads a repaired picture again; another job in the same place is refused', async () => {
  using folder = temporaryFolder();
  const pictures = join(folder.path, 'list');
  const out = join(folder.path, 'shards');
  const red = { create: { width: 40, height: 30, channels: 3, background: 'red' } } as const;
  await sharp(red).png().toFile(join(folder.path, 'good.png'));
  writeFileSync(join(folder.path, 'bad.png'), 'no picture');
  writeFileSync(pictures, './good.png\nbad.png\ngone.png\n');
  const run = await igpt(['batch', 'run', pictures, '--out', out, '--outputs', 'features', '--json']);
  expect(jobSummary.parse(JSON.parse(run.stdout)).failures).toEqual({ unsupported_format: 1, not_found: 1 });

  await sharp(red).png().toFile(join(folder.path, 'bad.png'));
  const retried = await igpt(['batch', 'retry', out, '--failed', '--json']);
  expect(retried.stderr).toContain('2 retried, 1 of them succeeded\n');
  expect(jobSummary.parse(JSON.parse(retried.stdout))).toMatchObject({ succeeded: 2, failures: { not_found: 1 } });

  const other = await igpt(['batch', 'run', pictures, '--out', out]);
  expect(other.code).toBe(1);
  expect(other.stderr).toMatch(/igpt: Expected an empty output or the same job, but found job [0-9a-f]{16}/);
});

test('a job records what its classes read: a run with the same input resumes it, a retry opens the same model', async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, 'shards');
  const red = { create: { width: 40, height: 30, channels: 3, background: 'red' } } as const;
  await sharp(red).png().toFile(join(folder.path, 'good.png'));
  writeFileSync(join(folder.path, 'bad.png'), 'no picture');
  const pictures = join(folder.path, 'list');
  writeFileSync(pictures, 'good.png\nbad.png\n');
  const args = ['batch', 'run', pictures, '--out', out, '--outputs', 'classification', '--json'];
  const plain = await igpt([...args, '--input', 'plain']);
  expect(plain.code, plain.stderr).toBe(0);
  const recorded = () => JSON.parse(readFileSync(join(out, '_job.json'), 'utf8')).settings.model_options;
  expect(recorded()).toMatchObject({ input: 'plain' });
  const row = async () => (await openShard(readFileSync(join(out, 'part-00000.parquet'))).read())[0];
  const first = await row();

  await sharp(red).png().toFile(join(folder.path, 'bad.png'));
  const retried = await igpt(['batch', 'retry', out, '--failed']);
  expect(retried.stderr).toContain('1 retried, 1 of them succeeded\n');
  expect(await row()).toEqual(first);
  expect((await igpt([...args, '--input', 'plain'])).code).toBe(0);
  const sos = await igpt(args);
  expect(sos.stderr).toContain('model_options.input "plain", not "sos"');
});

test('similar finds a picture and its rotated copy first, and draws them', async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, 'shards');
  const sheet = join(folder.path, 'sheet.png');
  await igpt(['batch', 'run', pictureFolder, '--out', out, '--shard-size', '4', '--outputs', 'features']);
  const cat = join(pictureFolder, 'animals/cat.jpg');
  const { code, stdout, stderr } = await igpt(['similar', cat, '--in', out, '-k', '2', '--json', '--sheet', sheet]);
  expect(code, stderr).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(lines).toEqual([
    { rank: 1, key: 'animals/cat.jpg', similarity: expect.closeTo(1, 6), label: null },
    { rank: 2, key: 'animals/cat-sideways.jpg', similarity: expect.closeTo(0.9999, 3), label: null },
  ]);
  // Not by its path: libvips may be restricted by another test of this process.
  expect(await sharp(readFileSync(sheet)).metadata()).toMatchObject({ width: 262, height: 262 });
});

test('batch run prints its summary even if its report cannot be written, and exits with 1', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, '_report.html'));
  const { code, stdout, stderr } = await igpt(['batch', 'run', join(pictureFolder, 'animals'), '--out', folder.path]);
  expect(stderr).toContain('igpt: the report cannot be written: Expected to store "_report.html"');
  expect(stdout).toMatch(/ 2 +2 +0 +1 +2 in /);
  expect(code).toBe(1);
});

test.each([
  [['batch'], 'batch: no verb; expected one of run, verify, retry, submit, status, cancel'],
  [['batch', 'runn'], "there is no verb 'runn' (nearest: run)"],
  [['batch', 'run', 'nowhere', '--out', 'x'], 'nowhere: expected a directory, s3://bucket/prefix'],
  [['batch', 'run', '.', '--out', './inside'], '--out ./inside lies inside .'],
  [
    ['batch', 'run', '.', '--out', ''],
    'expected a directory or s3://bucket/prefix for the shards, received an empty name',
  ],
  [['batch', 'run', 's3://b/2026', '--out', 's3://b/2026/shards'], 'lies inside s3://b/2026, so shards would be taken'],
  [['batch', 'run', '.'], "batch run: required option '--out <dst>' not specified; see"],
  [['batch', 'verify', 'nowhere'], 'nowhere: expected a job, but there is no _job.json'],
  [['batch', 'retry', '.'], 'expected either --failed (all failed pictures) or --codes (only these codes)'],
  [['similar', 'x.png', '--in', pictureFolder], 'expected a job, but there is no _job.json'],
])('igpt %j is a usage error in one line', async (args, words) => {
  using folder = temporaryFolder();
  const { code, stdout, stderr } = await igpt(args, { cwd: folder.path });
  expect(stderr).toContain(words);
  expect(stderr).toMatch(/^igpt: [^\n]*\n$/);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
