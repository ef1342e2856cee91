import { expect, test } from 'vitest';
import type { ResultEvent } from '../../../lib/contracts/event.ts';
import type { Outcome } from '../../../lib/contracts/outcome.ts';
import type { ProofPicture } from '../../prove-aws/proof-pictures.ts';
import { judge } from '../../prove-aws/proof-verdict.ts';

const model = 'tiny-0123456789ab';
const pictures: ProofPicture[] = [{ key: 'a.jpg', body: new Uint8Array(), expected: 'empty_object' }];

function failed(etag: string, code: 'empty_object' | 'corrupt_image'): Outcome {
  const about = { schema_version: 1, key: 'a.jpg', etag, model, created_at: '2026-01-01T00:00:00.000Z' } as const;
  return { ...about, status: 'failed', error: { code, message: 'no' } };
}

const event: ResultEvent = {
  ...{ type: 'result', key: 'a.jpg', etag: '"1"', model, result_key: 'results/a.jpg.json' },
  ...{ status: 'failed', error: { code: 'empty_object', message: 'no' } },
};

const right = { etag: '"1"', outcome: failed('"1"', 'empty_object'), events: [event] };

test('a picture with its outcome and an event is right; more events are counted', () => {
  expect(judge(pictures, new Map([['a.jpg', { ...right, events: [event, event, event] }]]))).toEqual({
    ...{ right: 1, repeatedEvents: 2, wrong: [] },
  });
});

test.each([
  [{ etag: undefined }, 'the picture is not in its bucket'],
  [{ outcome: undefined }, 'no outcome'],
  [{ outcome: failed('"0"', 'empty_object') }, 'an outcome of "0", the picture is "1"'],
  [{ outcome: failed('"1"', 'corrupt_image') }, 'expected empty_object, received corrupt_image'],
  [{ events: [] }, 'no event'],
  [{ events: [{ ...event, etag: '"0"' }] }, 'no event that agrees with its outcome'],
])('what is not right is named: %j', (change, words) => {
  expect(judge(pictures, new Map([['a.jpg', { ...right, ...change }]])).wrong).toEqual([`a.jpg: ${words}`]);
});
