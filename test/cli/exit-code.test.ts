import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { finished, igpt } from './igpt-process.ts';

/** Executed before the command: a file that is asked for is waited for without end, after `first`. */
const neverRead = (
  first = '',
) => `import fs from 'node:fs/promises'; import { syncBuiltinESMExports } from 'node:module';
fs.stat = fs.lstat = fs.open = fs.readFile = () => { ${first}; return new Promise(() => {}); }; syncBuiltinESMExports();`;

/** Executed before the command: the file that holds its work cannot be loaded. */
const noMain = `import { registerHooks } from 'node:module';
registerHooks?.({ resolve(name, context, next) { if (name === './main.ts') throw new Error('no main'); return next(name, context); } });`;

const before = (code: string) => `--import data:text/javascript,${encodeURIComponent(code)}`;

test.each([
  ['inspect', 'igpt-nano'],
  ['inspect', 'igpt-nano', '--json'],
  ['import', 'lib/models/igpt-nano', '--out', '/nowhere/model'],
  ['run', 'test/fixtures/pictures', '--out', '/nowhere/out'],
])('igpt %s %s %s ends with 1 and a line when a promise of its work is never settled', async (...args) => {
  const { code, stdout, stderr } = await igpt(args, { env: { NODE_OPTIONS: before(neverRead()) } });

  expect(stdout).toBe('');
  expect(stderr).toMatch(/^igpt: unexpected: the work stopped before its end, .* report it/m);
  expect(code).toBe(1);
});

test('a command that could not be loaded ends with 1, also where Node is told to ignore rejections', async () => {
  const options = `--unhandled-rejections=none ${before(noMain)}`;
  const { code, stderr } = await igpt(['inspect', 'igpt-nano'], { env: { NODE_OPTIONS: options } });

  expect(stderr).toContain('the work stopped before its end');
  expect(code).toBe(1);
});

test('an error that nobody catches is one line, escaped, and ends the command with 1', async () => {
  const lost = neverRead(`setImmediate(() => { throw new Error('\\u009b31m lost'); })`);
  const { code, stderr } = await igpt(['inspect', 'igpt-nano'], { env: { NODE_OPTIONS: before(lost) } });

  expect(stderr).toMatch(/^igpt: unexpected: \\u009b31m lost; this is a bug in igpt: .*\n$/m);
  expect(code).toBe(1);
});

test('a container ends with the code of a failure when a promise of its work is never settled', async () => {
  const entry = pathToFileURL(join(repositoryRoot, 'functions/container-entry.ts'));
  const script = `import { runContainer } from '${entry}';
    await runContainer(() => new Promise(() => {}), (error) => { console.log(error.message); return 3; });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const { code, stdout } = await finished(child);

  expect(stdout).toBe('The work stopped before its end: nothing is left to wait for.\n');
  expect(code).toBe(3);
});
