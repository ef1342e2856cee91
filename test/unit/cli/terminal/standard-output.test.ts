import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../../../lib/local/repository.ts';

const door = pathToFileURL(join(repositoryRoot, 'lib/cli/terminal/standard-output.ts'));

/** What a process behind the door prints on standard output. */
function printed(script: string): string {
  const code = `import { guardStandardStreams, writeOut } from '${door}'; guardStandardStreams(); ${script}`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
}

test('nothing that any code writes reaches the terminal unescaped, and every write is finished', () => {
  const script = String.raw`
    const raw = '\u009b31m\u007f\u202e';
    await writeOut(raw + '\n');
    await new Promise((done) => process.stdout.write(raw + '\n', done));
    await new Promise((done) => process.stdout.write(raw + '\n', 'utf8', done));
    process.stdout.write(raw + '\n');
    console.log(raw);`;
  expect(printed(script)).toBe(String.raw`\u009b31m\u007f\u202e`.concat('\n').repeat(5));
});

test('bytes stay as they are', () => {
  expect(printed(`process.stdout.write(new TextEncoder().encode('\\u009b'));`)).toBe('\u009b');
});
