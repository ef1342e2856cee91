import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { interruptExitCode } from '../../../lib/cli/interrupt.ts';

const MODULE = join(import.meta.dirname, '../../../lib/cli/interrupt.ts');

/** Longer than the time in which two signals are one keystroke. */
const ANOTHER_KEYSTROKE_MS = 400;

/** A process that finishes its work on the first signal only, and never by itself. Its clock moves on for each line of its input. */
function start(body: string) {
  const code = `
    import { onFirstInterrupt, watchInterrupts } from ${JSON.stringify(MODULE)};
    watchInterrupts();
    let later = 0;
    const now = performance.now.bind(performance);
    performance.now = () => now() + later;
    process.stdin.on('data', () => {
      later += ${ANOTHER_KEYSTROKE_MS};
      process.stdout.write('later');
    });
    ${body}
    process.stdout.write('ready');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code]);
  const said = { text: '' };
  child.stderr.on('data', (data: Buffer) => {
    said.text += data;
  });
  return { child, said };
}

const finishOnFirst = `onFirstInterrupt((signal) => process.stdout.write('first ' + signal));`;

/** Lets the clock of the process pass the time of a keystroke; resolves when the process has said so. */
async function anotherKeystroke({ stdin, stdout }: ChildProcessWithoutNullStreams): Promise<void> {
  stdin.write('\n');
  expect(String((await once(stdout, 'data'))[0])).toBe('later');
}

test('the first signal goes to the verb, the second one ends the process', async () => {
  const { child, said } = start(finishOnFirst);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [answer] = await once(child.stdout, 'data');
  expect(String(answer)).toBe('first SIGINT');
  await anotherKeystroke(child);
  child.kill('SIGINT');
  const [, signal] = await once(child, 'exit');

  expect(signal).toBe('SIGINT');
  expect(said.text).toContain('stopped by SIGINT');
});

test('a Ctrl-C that arrives twice, from the terminal and from npm, is one', async () => {
  const { child } = start(finishOnFirst);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  await anotherKeystroke(child);

  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
});

test('without a verb that finishes its work, the first signal ends the process', async () => {
  const { child } = start('');
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [, signal] = await once(child, 'exit');

  expect(signal).toBe('SIGTERM');
});

test('a thread that waits for a pipe keeps nobody alive, and what listens for the exit cleans up first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'igpt-interrupt-'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const { child, said } = start(`
    import { readFile } from 'node:fs';
    readFile(${JSON.stringify(join(folder, 'pipe'))}, () => {});
    process.on('exit', () => process.stderr.write('cleaned up'));`);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [, signal] = await once(child, 'close');
  rmSync(folder, { recursive: true });

  expect(signal).toBe('SIGINT');
  expect(said.text).toMatch(/stopped by SIGINT.*\ncleaned up$/);
});

test('exit codes are those of shells', () => {
  expect([interruptExitCode('SIGHUP'), interruptExitCode('SIGINT'), interruptExitCode('SIGTERM')]).toEqual([
    129, 130, 143,
  ]);
});
