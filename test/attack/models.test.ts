import { expect, test } from 'vitest';
import { temporaryFolder } from '../cli/igpt-process.ts';
import { runAttack } from './attack.ts';
import { openModels } from './models.ts';

/** `npm run attack -- models` plays 13,000. */
const count = 850;

test(`${count} damaged model files of every kind are read or refused in one line, and leave nothing behind`, async () => {
  using folder = temporaryFolder();
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const { violations, tally } = await runAttack(await openModels(), { count, seed: 7, keep: folder.path, say });

  expect(violations, said.join('\n')).toBe(0);
  expect(tally).toMatchObject({ read: expect.any(Number), weights_invalid: expect.any(Number) });
});
