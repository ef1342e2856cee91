import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionModel, whyNoFunction } from '../../../../lib/contracts/infer-function.ts';
import { sparseCheckpoint } from '../../../support/sparse-checkpoint.ts';

const root = join(import.meta.dirname, '../../../..');
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'function-model-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function print(variables: Record<string, string>) {
  const program = join(root, 'functions/infer/print-function-model.ts');
  return spawnSync(process.execPath, [program], { encoding: 'utf8', cwd: root, env: { ...process.env, ...variables } });
}

function modelIn(location: string, variables: Record<string, string> = {}) {
  return functionModel.parse(JSON.parse(print({ ...variables, MODEL_LOCATION: location }).stdout));
}

test.each([
  // 24 blocks of 7.52 GFLOP and the logits, 0.54.
  ['S', 'F32', 181, 76.8e6, false],
  ['M', 'F32', 1006, 455e6, false],
  ['M', 'F16', 1006, 455e6, true],
  ['L', 'F32', 2941, 1363e6, false],
] as const)('iGPT-%s in %s takes %d GFLOP', (size, dtype, gflop, parameters, converted) => {
  const place = join(directory, `${size}-${dtype}`);
  sparseCheckpoint(place, size, dtype);
  const model = modelIn(place);

  expect(model.gflop).toBeCloseTo(gflop, -1);
  expect(Math.abs(model.parameters / parameters - 1)).toBeLessThan(0.01);
  expect(Math.round(model.bytes / model.parameters)).toBe(dtype === 'F32' ? 4 : 2);
  expect(model.converted).toBe(converted);
  const why = whyNoFunction(model, 4400);
  if (size === 'L') expect(why).toContain('weights of up to 2048 MB');
  else expect(why).toBeUndefined();
});

test('settings that change the work count: features of an early layer are cheap, and f16 is converted', () => {
  const nano = 'lib/models/igpt-nano';
  const all = modelIn(nano);
  const early = modelIn(nano, { OUTPUTS: 'features', FEATURE_LAYER: '1', PRECISION: 'f16' });

  expect(early.gflop).toBeLessThan(all.gflop / 4);
  expect([all.converted, early.converted]).toEqual([false, true]);
});

test('a directory without a checkpoint is an error in one line', () => {
  const { status, stderr } = print({ MODEL_LOCATION: join(directory, 'nowhere') });

  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^.*does not exist.*\n$/) });
});
