import { expect, it } from 'vitest';
import { redriveJson, redriveReport } from '../../../lib/cli/redrive-report.ts';
import { minutesBefore, noon } from '../../support/stack-state.ts';

const group = { queue: 'tokens', receives: 5, first: minutesBefore(60), last: noon } as const;
const redrive = {
  ...({ name: 'tokens', messages: 3, moved: 2, refused: 0, more: false } as const),
  groups: [
    { ...group, readable: true, why: 'given up', messages: 2, pictures: 150, examples: ['a.jpg', 'b\n.jpg'] },
    { ...group, readable: false, why: 'no JSON', messages: 1, pictures: 0, examples: ['<xml'] },
  ],
};

it('says what failed and why, what was moved and what stays', () => {
  const text = redriveReport([redrive], { dryRun: false, now: noon });

  expect(text).toMatch(/^tokens +2 +150 +5 +60 min ago +given up +a\.jpg, b\\u000a\.jpg$/m);
  expect(text).toMatch(/^tokens +1 +\? +5 +60 min ago +no JSON +<xml$/m);
  expect(text).toContain('2 messages moved back to their queues\n1 messages stay: nobody can read them');
});

it('says in a dry run what could be moved', () => {
  const text = redriveReport([{ ...redrive, moved: 0, more: true }], { dryRun: true, now: noon });

  expect(text).toMatch(/2 messages can be moved back: .*redrive\n/);
  expect(text).toContain('there are more in the dead letters of tokens');
});

it('says when there is nothing', () => {
  const nothing = { ...redrive, messages: 0, moved: 0, groups: [] };

  expect(redriveReport([nothing], { dryRun: false, now: noon })).toBe('no dead letters in tokens\n');
});

it('is the same for machines', () => {
  expect(redriveJson('Mine', [redrive])).toMatchObject({
    stack: 'Mine',
    queues: [{ queue: 'tokens', messages: 3, moved: 2, stayed: 1, groups: [{ readable: true }, { readable: false }] }],
  });
});
