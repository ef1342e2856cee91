import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const file = join(import.meta.dirname, '../../../lib/runtime/telemetry-off.ts');
const module = JSON.stringify(pathToFileURL(file).href);

/** Executes code in its own process, with only this environment. */
function run(code: string, env: Record<string, string> = {}): { stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8', env });
}

/** Code of a thread that imports the module. */
const thread = `new Worker('import(${module})', { eval: true })`;

test.each<Record<string, string>>([{}, { ORT_DISABLE_TELEMETRY: '0' }])(
  'the main thread sets the variable where native code sees it: %o',
  (env) => {
    // The report reads the environment of the process, not Node's copy.
    const code = `
      import ${module};
      process.report.excludeNetwork = true;
      console.log(process.report.getReport().environmentVariables.ORT_DISABLE_TELEMETRY);`;
    expect(run(code, env)).toMatchObject({ stdout: '1\n', stderr: '' });
  },
);

test('a thread warns when the main thread has not set it, and its own threads do not warn again', () => {
  const nested = `
    import(${module}).then(() => {
      const { Worker } = require('node:worker_threads');
      ${thread};
    });`;
  const code = `
    import { Worker } from 'node:worker_threads';
    new Worker(${JSON.stringify(nested)}, { eval: true });`;
  const { stderr } = run(code);
  expect(stderr).toContain('[telemetry_on] Warning: Expected ORT_DISABLE_TELEMETRY=1 in the environment');
  expect(stderr.match(/telemetry_on/g)).toHaveLength(1);
});

test.each([
  {
    name: 'imported the module',
    code: `import ${module}; import { Worker } from 'node:worker_threads'; ${thread};`,
    env: {},
  },
  {
    name: 'was started with it',
    code: `import { Worker } from 'node:worker_threads'; ${thread};`,
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
])('a thread does not warn when the main thread $name', ({ code, env }) => {
  expect(run(code, env)).toMatchObject({ stdout: '', stderr: '' });
});
