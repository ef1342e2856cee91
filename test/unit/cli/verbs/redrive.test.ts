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

const options = { dryRun: false, now: noon, call: (verb: string) => `igpt ${verb} --stack Mine` };

it('lists messages with their causes, and what was moved and what stays', () => {
  expect(redriveReport([redrive], options)).toBe(
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
      '1 message unreadable: left in the queue, until SQS drops it 14 days after it was sent',
      '',
    ].join('\n'),
  );
});

it('says in a dry run how many messages can be moved, and with which command', () => {
  const text = redriveReport([{ ...redrive, moved: 0, more: true }], { ...options, dryRun: true });

  expect(text).toContain('2 messages can be moved back: igpt redrive --stack Mine\n');
  expect(text).toContain('the dead-letter queue of tokens holds more messages than were read');
});

it('says so when there are no dead letters', () => {
  const nothing = { ...redrive, messages: 0, moved: 0, groups: [] };

  expect(redriveReport([nothing], options)).toBe('no dead letters of tokens\n');
});

it('has the same facts as JSON', () => {
  expect(redriveJson('Mine', [redrive])).toMatchObject({
    stack: 'Mine',
    queues: [{ queue: 'tokens', messages: 3, moved: 2, stayed: 1, groups: [{ readable: true }, { readable: false }] }],
  });
});
