import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const attack = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });

test.each(['', 'nothing', 'models hub', 'models --count 0', 'models --seed x', '--nothing'])(
  'a wrong command line is refused with the usage: "%s"',
  (line) => {
    const { status, stdout, stderr } = attack(...line.split(' ').filter(Boolean));

    expect(stderr).toContain('npm run attack -- pictures|models|hub|kills');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  },
);

test('the last line counts cases and violations', () => {
  const { status, stdout, stderr } = attack('models', '--count', '20', '--seed', '5');

  expect(stderr).toBe('');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('20 model files, 0 violations');
  expect(status).toBe(0);
});
