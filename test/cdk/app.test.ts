import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cdk-app-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the app as the cdk command does, with context and output folder in the environment. */
function runApp(context: Record<string, unknown>) {
  const env = { ...process.env, CDK_OUTDIR: directory, CDK_CONTEXT_JSON: JSON.stringify(context) };
  return spawnSync(process.execPath, ['cdk/app.ts'], { cwd: root, env, encoding: 'utf8' });
}

const noBundling = { 'aws:cdk:bundling-stacks': [] };

test('invalid settings end the app with a line for each, and no stack trace', () => {
  const { status, stderr, stdout } = runApp({ ...noBundling, compute: 'tpu', modles: 'x' });

  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([
    'The deployment’s configuration has 2 faults:',
    '  compute: expected gpu or cpu; received "tpu"',
    expect.stringMatching(/^ {2}modles: expected one of stackName, compute, model,/),
  ]);
  expect(stdout).toBe('');
});

test('without account, Docker and settings it writes one stack', () => {
  const { status } = runApp({ ...noBundling, stackName: 'Mine' });

  expect(status).toBe(0);
  expect(readdirSync(directory)).toContain('Mine.template.json');
});
