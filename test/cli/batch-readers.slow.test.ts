import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openShard } from '../../lib/jobs/parquet/shard-file.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { pythonEnvironment } from '../support/python.ts';
import { blocksOf } from './documents.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

const environment = await pythonEnvironment('requirements-parquet.txt');

const run = promisify(execFile);

test.skipIf('missing' in environment)('DuckDB, pandas and pyarrow read the shards of a job', async () => {
  if ('missing' in environment) return;
  using folder = temporaryFolder();
  const out = join(folder.path, 'shards');
  await igpt(['batch', 'run', join(repositoryRoot, 'test/fixtures/pictures'), '--out', out, '--shard-size', '5']);
  const [query] = blocksOf('docs/batch.md').filter(({ language }) => language === 'sql');
  const sql = (query?.text ?? '').replace("'shards/", `'${out}/`);
  const { stdout } = await run(environment.python, [join(import.meta.dirname, 'read_shards.py'), out, '128', sql]);
  const seen = JSON.parse(stdout);
  const [, , ours] = await openShard(readFileSync(join(out, 'part-00000.parquet'))).read();
  const features = Array.from(ours?.features ?? []);
  expect(features).toHaveLength(128);

  expect(seen.duckdb.types).toMatchObject({
    key: 'VARCHAR',
    width: 'INTEGER',
    probability: 'DOUBLE',
    top5: 'STRUCT("label" VARCHAR, "index" INTEGER, probability DOUBLE)[]',
    features: 'FLOAT[]',
    nats_per_token: 'DOUBLE',
    error_code: 'VARCHAR',
  });
  expect(seen.duckdb.counts).toEqual([
    [null, 12],
    ['unsupported_format', 1],
  ]);
  expect(seen.duckdb.documented).toContainEqual(['frog', 3, expect.closeTo(2.44, 2)]);
  expect(seen.duckdb.cat).toEqual([
    ...['animals/cat.jpg', 'frog', 'frog', 5, features, ours?.nats_per_token, ours?.width, ours?.height],
  ]);
  expect(seen.pandas).toEqual({
    rows: 13,
    features: ['float32', [128], features],
    top: 'frog',
    failed: ['CREDITS.md'],
  });
  expect(seen.pyarrow.rows).toBe(13);
  expect(seen.pyarrow.types).toMatchObject({ etag: 'string', features: 'list<element: float not null>' });
  expect(seen.pyarrow.keys.slice(0, 3)).toEqual(['CREDITS.md', 'animals/cat-sideways.jpg', 'animals/cat.jpg']);
});
