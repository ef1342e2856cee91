import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { invocation, quoted, sameCommand } from '../../../lib/cli/invocation.ts';

const ARGV = ['/usr/bin/node', '/somewhere/bin/igpt', 'run', 'my pictures'];

test('repeats the command as the user called it', () => {
  expect(invocation({ env: { npm_lifecycle_event: 'igpt', npm_command: 'run-script' }, argv: ARGV })).toBe(
    'npm run igpt --',
  );
  expect(invocation({ env: { npm_lifecycle_event: 'npx', npm_command: 'exec' }, argv: ARGV })).toBe('npx igpt');
  expect(invocation({ env: {}, argv: ARGV })).toBe('igpt');
  expect(invocation({ env: {}, argv: ['node', '/a b/igpt.js'] })).toBe("node '/a b/igpt.js'");
});

test('quotes the arguments that a shell would take apart', () => {
  expect(sameCommand({ env: {}, argv: ARGV })).toBe("igpt run 'my pictures'");
  expect(quoted("it's $HOME")).toBe(String.raw`'it'\''s $HOME'`);
  expect(quoted('')).toBe("''");
  expect(quoted('--out=a/b.npy')).toBe('--out=a/b.npy');
});

test('writes what a terminal would obey as escapes that bash reads back', () => {
  const name = "it's \\ $HOME\u001b[2J\u0007\n.jpg";
  expect(quoted(name)).toBe(String.raw`$'it\'s \\ $HOME\u001b[2J\u0007\u000a.jpg'`);
  expect(execFileSync('bash', ['-c', `printf %s ${quoted(name)}`], { encoding: 'utf8' })).toBe(name);
  expect(quoted('\u202egpj.exe')).toBe(String.raw`$'\u202egpj.exe'`);
});
