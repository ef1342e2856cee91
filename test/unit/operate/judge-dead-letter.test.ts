import { describe, expect, it } from 'vitest';
import { createLetterGroups, judgeDeadLetter } from '../../../lib/operate/judge-dead-letter.ts';
import { deadLetter, minutesBefore, noon } from '../../support/stack-state.ts';

const notification = (bucket: string, ...keys: string[]) =>
  JSON.stringify({
    Records: keys.map((key) => ({
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: bucket }, object: { key, eTag: 'e' } },
    })),
  });

const image = { format: 'jpeg', width: 2, height: 2, bytes: 9 };
const tokens = JSON.stringify({
  schema_version: 1,
  preprocessing: '0123456789abcdef',
  pictures: ['a.jpg', 'b.jpg'].map((key) => ({ key, etag: 'e', image, tokens: 'AAAA' })),
});

describe('a dead letter', () => {
  it('of the uploads queue concerns the decoded keys of its notification', () => {
    const letter = deadLetter(notification('pictures', 'a+b%2Bc.jpg', '%C3%84.jpg'));

    expect(judgeDeadLetter('uploads', letter, 'pictures')).toMatchObject({
      readable: true,
      keys: ['a b+c.jpg', 'Ä.jpg'],
    });
  });

  it('may be a reference, or S3’s test event, which concerns no picture', () => {
    const reference = deadLetter('{"schema_version":1,"type":"reference","key":"a.jpg"}');
    const test = deadLetter('{"Service":"Amazon S3","Event":"s3:TestEvent"}');

    expect(judgeDeadLetter('uploads', reference, 'pictures')).toMatchObject({ readable: true, keys: ['a.jpg'] });
    expect(judgeDeadLetter('uploads', test, 'pictures')).toMatchObject({ readable: true, keys: [] });
  });

  it('of the tokens queue concerns all its pictures', () => {
    expect(judgeDeadLetter('tokens', deadLetter(tokens), 'pictures')).toMatchObject({ keys: ['a.jpg', 'b.jpg'] });
  });

  it('of the result events has SNS’s reason', () => {
    const event =
      '{"type":"result","key":"a.jpg","etag":"e","model":"m-1","result_key":"r","status":"succeeded","label":null,"probability":null}';
    const attributes = { ErrorMessage: { DataType: 'String', StringValue: 'the queue was deleted' } };

    expect(judgeDeadLetter('result-events', deadLetter(event, { attributes }), 'pictures')).toEqual({
      readable: true,
      why: 'SNS could not deliver it: the queue was deleted',
      keys: ['a.jpg'],
    });
  });

  it.each([
    ['uploads', 'no JSON', 'in JSON'],
    ['uploads', '{"type":"reference","key":""}', 'received another message'],
    ['uploads', notification('foreign', 'a.jpg'), 'received one of foreign'],
    ['uploads', notification('pictures', '%E0%A4%A'), 'form-encoded'],
    ['tokens', '{"schema_version":2}', 'schema_version'],
    ['result-events', '{}', 'a result event'],
  ] as const)('of %s is unreadable if it cannot be parsed: %s', (queue, body, why) => {
    const judgement = judgeDeadLetter(queue, deadLetter(body), 'pictures');

    expect(judgement).toMatchObject({ readable: false, why: expect.stringContaining(why) });
  });
});

describe('groups of dead letters', () => {
  it('have one queue and cause, with counts, times and three examples', () => {
    const groups = createLetterGroups();
    for (const [i, minutes] of [5, 60, 20, 1].entries()) {
      const letter = deadLetter(`${i}`, { receiveCount: i + 1, sentAt: minutesBefore(minutes) });
      groups.add('tokens', letter, { readable: true, why: 'crashed', keys: [`${i}a`, `${i}b`] });
    }

    expect(groups.list()).toEqual([
      {
        queue: 'tokens',
        readable: true,
        why: 'crashed',
        messages: 4,
        pictures: 8,
        receives: 4,
        first: minutesBefore(60),
        last: minutesBefore(1),
        examples: ['0a', '0b', '1a'],
      },
    ]);
  });

  it('come last if unreadable, with the first characters of the bodies', () => {
    const groups = createLetterGroups();
    for (let i = 0; i < 2; i++) groups.add('uploads', deadLetter('x'.repeat(200)), { readable: false, why: 'no JSON' });
    groups.add('uploads', deadLetter('y'), { readable: true, why: 'crashed', keys: [] });

    expect(groups.list().map(({ why }) => why)).toEqual(['crashed', 'no JSON']);
    expect(groups.list()[1]).toMatchObject({ messages: 2, first: noon, examples: ['x'.repeat(80), 'x'.repeat(80)] });
  });
});
