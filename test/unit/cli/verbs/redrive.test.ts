import { expect, it } from 'vitest';
import { redriveJson, redriveReport } from '../../../../lib/cli/verbs/redrive.ts';
import { minutesBefore, noon } from '../../../support/stack-state.ts';

const group = { queue: 'tokens', receives: 5, first: minutesBefore(60), last: noon } as const;
const redrive = {
  ...({ name: 'tokens', messages: 3, moved: 2, refused: 0, more: false } as const),
  groups: [
    { ...group, readable: true, why: 'given up', messages: 2, pictures: 150, examples: ['a.jpg', 'b\n.jpg'] },
    { ...group, readable: false, why: 'no JSON', messages: 1, pictures: 0, examples: ['<xml'] },
  ],
};

const about = { stack: 'Mine', dryRun: false, now: noon };

it('says what failed and why, what was moved and what stays', () => {
  expect(redriveReport([redrive], about)).toBe(
    [
      'dead letters of tokens: 2 messages of 150 pictures, received up to 5 times, the first sent 60 min ago',
      '  given up',
      String.raw`  for instance a.jpg, b\u000a.jpg`,
      '',
      'dead letters of tokens: 1 message, received up to 5 times, the first sent 60 min ago',
      '  no JSON',
      '  for instance <xml',
      '',
      '2 messages moved back',
      '1 message that nobody can read: left there, until 14 days after the first sending',
      '',
    ].join('\n'),
  );
});

it('says in a dry run what could be moved, and how', () => {
  const text = redriveReport([{ ...redrive, moved: 0, more: true }], { ...about, dryRun: true });

  expect(text).toMatch(/2 messages can be moved back: .* redrive --stack Mine\n/);
  expect(text).toContain('there are more in the dead letters of tokens');
});

it('says when there is nothing', () => {
  const nothing = { ...redrive, messages: 0, moved: 0, groups: [] };

  expect(redriveReport([nothing], about)).toBe('no dead letters of tokens\n');
});

it('is the same for machines', () => {
  expect(redriveJson('Mine', [redrive])).toMatchObject({
    stack: 'Mine',
    queues: [{ queue: 'tokens', messages: 3, moved: 2, stayed: 1, groups: [{ readable: true }, { readable: false }] }],
  });
});
