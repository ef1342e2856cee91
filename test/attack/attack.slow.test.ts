import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { type Attack, runAttack, summaryLines } from './attack.ts';
import { openHub } from './hub.ts';
import { openKills } from './kills.ts';
import { openPictures } from './pictures.ts';

// `npm run attack` plays thousands of cases; five kills strike each command and the deployed processes once.

test.each<[number, string, () => Promise<Attack>]>([
  [100, 'damaged pictures', openPictures],
  [25, 'hub answers', openHub],
  [5, 'kills', openKills],
])('%i %s violate no invariant', async (count, _, open) => {
  const said: string[] = [];
  const attack = await open();
  const keep = join(repositoryRoot, '.scratch/attack');
  const result = await runAttack(attack, { count, seed: 7, keep, say: (line) => void said.push(line) });
  process.stdout.write(`${summaryLines(attack, result).join('\n')}\n`);

  expect(result.violations, said.join('\n')).toBe(0);
  expect(result.played).toBe(count);
});
