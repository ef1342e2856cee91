import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const play = (...args: string[]) => spawnSync(process.execPath, [join(import.meta.dirname, 'play.ts'), ...args]);

test.each(['5 4', 'x', '1.5', '-1 2', '1 2 3', 'arrivals 1', ''])(
  'a range of seeds that would play none is refused: "%s"',
  (line) => {
    const { status, stdout, stderr } = play(...line.split(' ').filter(Boolean));

    expect(stderr.toString()).toContain('expected a seed, the first and the last');
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 2, stdout: '' });
  },
);

test('a range of one seed is played', () => {
  const { status, stdout } = play('4', '4');

  expect(JSON.parse(stdout.toString())).toMatchObject({ first: 4, last: 4, wrong: [] });
  expect(status).toBe(0);
});
