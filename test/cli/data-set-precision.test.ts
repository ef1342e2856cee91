import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

/** Thirty made-up pictures of three classes, in a folder that is the cache too. */
function dataSet(folder: string): (verb: string, ...args: string[]) => ReturnType<typeof igpt> {
  writeFileSync(join(folder, 'x.npy'), encodeNpy(randomTokens(1, 30 * 16, 8), [30, 16]));
  writeFileSync(
    join(folder, 'y.npy'),
    encodeNpy(
      BigInt64Array.from({ length: 30 }, (_, i) => BigInt(i % 3)),
      [30],
    ),
  );
  return (verb, ...args) =>
    igpt([verb, '--data', 'x.npy', '--labels', 'y.npy', '--json', ...args], {
      cwd: folder,
      env: { IGPT_CACHE: folder },
    });
}

test('igpt eval measures a model in the number format that is asked for, and says which', async () => {
  using folder = temporaryFolder();
  await using model = await tinyCheckpoint();
  const run = dataSet(folder.path);
  const exact = await run('eval', '--model', model.directory);
  const int8 = await run('eval', '--model', model.directory, '--precision', 'int8');

  expect(int8.code, int8.stderr).toBe(0);
  expect(int8.stderr).toMatch(/^cpu: .+, int8$/m);
  expect(exact.stderr).not.toContain('cpu:');
  const [f32, other] = [exact, int8].map(({ stdout }) => JSON.parse(stdout));
  expect([f32.precision, other.precision]).toEqual(['f32', 'int8']);
  expect(other.nats_per_token).not.toBe(f32.nats_per_token);
  expect(Math.abs(other.nats_per_token - f32.nats_per_token)).toBeLessThan(0.02);
});

test('igpt probe reads features in the number format that is asked for', async () => {
  using folder = temporaryFolder();
  await using model = await tinyCheckpoint();
  const { code, stdout, stderr } = await dataSet(folder.path)(
    'probe',
    '--model',
    model.directory,
    '--precision',
    'f16',
  );

  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ precision: 'f16', results: expect.any(Array) });
});

test('eval and probe never take another provider instead of the one that was named', async () => {
  using folder = temporaryFolder();
  await using model = await tinyCheckpoint();
  const run = dataSet(folder.path);
  for (const verb of ['eval', 'probe']) {
    const int8 = await run(verb, '--model', model.directory, '--provider', 'webgpu', '--precision', 'int8');
    expect(int8.code).toBe(1);
    expect(int8.stderr).toContain(
      'Expected f16 or f32 on webgpu, received int8 or int8-block: choose --precision f16, or --provider cpu.',
    );
  }
});
