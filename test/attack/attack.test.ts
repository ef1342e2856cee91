import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../cli/igpt-process.ts';
import { type Attack, runAttack, summaryLines } from './attack.ts';
import { mutate, mutateJson } from './mutate.ts';

/** An attack whose invariant is that the first random number of a case is below 0.9. */
function drawing(): Attack & { drawn: number[]; disposed: boolean } {
  const drawn: number[] = [];
  const attack = {
    unit: 'draws',
    drawn,
    disposed: false,
    async play(_: number, random: () => number) {
      const value = random();
      drawn.push(value);
      return {
        outcome: value < 0.5 ? 'low' : 'high',
        wrong: value < 0.9 ? [] : [`drew ${value}`],
        files: { value: String(value) },
      };
    },
    finish: async () => ['one is left'],
    async [Symbol.asyncDispose]() {
      attack.disposed = true;
    },
  };
  return attack;
}

test('violations are counted, told with their seed and number, and kept, and each can be played alone', async () => {
  using folder = temporaryFolder();
  const lines: string[] = [];
  const options = { count: 50, seed: 3, keep: folder.path, say: (line: string) => void lines.push(line) };
  const attack = drawing();
  const result = await runAttack(attack, options);

  const high = attack.drawn.flatMap((value, number) => (value < 0.9 ? [] : [{ value, number }]));
  expect(high.length).toBeGreaterThan(0);
  expect(result.violations).toBe(high.length + 1);
  expect(attack.disposed).toBe(true);
  expect(lines).toContain('VIOLATION seed 3, after the last case: one is left');
  expect(summaryLines(attack, result).at(-1)).toBe(`50 draws, ${high.length + 1} violations`);
  for (const { value, number } of high) {
    expect(lines).toContain(`VIOLATION seed 3, case ${number}: drew ${value}`);
    expect(readFileSync(join(folder.path, `draws-seed-3-case-${number}`, 'value'), 'utf8')).toBe(String(value));
    const alone = drawing();
    expect(await runAttack(alone, { ...options, only: number })).toMatchObject({ played: 1, violations: 2 });
    expect(alone.drawn).toEqual([value]);
  }
  const other = drawing();
  await runAttack(other, { ...options, seed: 4 });
  expect(other.drawn).not.toEqual(attack.drawn);
});

test('the same random numbers damage a file in the same way, which leaves the file that was given as it is', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const [first, second] = [0, 0].map(() => mutate(bytes, bytes.toReversed(), () => 0.3));

  expect(first).toEqual(second);
  expect(Buffer.from(bytes).equals(first ?? bytes)).toBe(false);
  expect(bytes[50]).toBe(50);
  expect(JSON.parse(mutateJson('{"a":{"b":1}}', () => 0.3))).not.toEqual({ a: { b: 1 } });
});
