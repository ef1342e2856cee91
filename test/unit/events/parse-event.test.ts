import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../../lib/events/index.ts';

const result = {
  type: 'result',
  schema_version: 1,
  key: 'cats/a.jpg',
  etag: '"1"',
  model: 'nano-1',
  result_key: 'results/nano-1/cats/a.jpg.json',
  status: 'succeeded',
  label: 'cat',
  probability: 0.75,
};
const batch = {
  type: 'batch',
  schema_version: 1,
  job: '0123456789abcdef',
  model: 'nano-1',
  place: 's3://outcomes/batch/a',
  shards: 1,
  pictures: 2,
  succeeded: 1,
  failed: 1,
  failures: { corrupt_image: 1 },
};
const text = JSON.stringify;

describe('an event', () => {
  test('of a picture or a job is read as it was published', () => {
    expect(parseEvent(text(result))).toEqual(result);
    expect(parseEvent(text(batch))).toEqual(batch);
  });

  test('of igpt 0.1, without a version, has version 1', () => {
    const { schema_version: _, ...old } = result;
    expect(parseEvent(text(old))).toEqual(result);
  });

  test('is found in the envelopes of SNS and EventBridge', () => {
    expect(parseEvent(text({ Type: 'Notification', MessageId: 'a', Message: text(result) }))).toEqual(result);
    expect(parseEvent(text({ version: '0', source: 'image-gpt', 'detail-type': 'result', detail: batch }))).toEqual(
      batch,
    );
  });
});

describe('an event of a later version', () => {
  test('may have more fields, another version and other failure codes', () => {
    const later = { ...result, schema_version: 2, attributes: { order: '7' } };
    const failed = { ...result, status: 'failed', error: { code: 'too_boring', message: 'no', hint: 'x' } };

    expect(parseEvent(text(later))).toMatchObject({ key: 'cats/a.jpg', schema_version: 2 });
    expect(parseEvent(text(failed))).toMatchObject({ error: { code: 'too_boring' } });
  });

  test.each([
    { type: 'audit', who: 'me' },
    { ...result, status: 'postponed' },
    { ...batch, failures: 'see elsewhere' },
    { type: 'summary', seen: 1, succeeded: 1, failed: 0, skipped: 0 },
  ])('that is not known is handed over as it came: %o', (original) => {
    expect(parseEvent(text(original))).toEqual({ type: 'other', original });
  });
});

test.each(['', 'no JSON', '[1]', '"text"', 'null', '{}', text({ Type: 'Notification', Message: 'hello' })])(
  'what is no event is refused: %s',
  (body) => {
    expect(() => parseEvent(body)).toThrow(expect.objectContaining({ code: 'invalid_message' }));
  },
);
