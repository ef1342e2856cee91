import { describe, expect, test } from 'vitest';
import { messageText, readMessage } from '../../../lib/contracts/message-text.ts';
import { uploadsMessage } from '../../../lib/contracts/uploads-message.ts';

test('characters that SQS refuses are escaped, and parsed back', () => {
  const value = { key: 'a\uffff\ufffe\u0000é' };
  expect(messageText(value)).toBe('{"key":"a\\uffff\\ufffe\\u0000é"}');
  expect(JSON.parse(messageText(value))).toEqual(value);
});

describe('read message', () => {
  const read = (body: string) => readMessage(body, uploadsMessage, 'an uploads message');

  test('returns a message that matches its contract', () => {
    const message = { schema_version: 1, type: 'reference', key: 'a.jpg' };
    expect(read(JSON.stringify(message))).toEqual(message);
  });

  test('names the faults of another message', () => {
    expect(() => read('{"schema_version":1,"type":"reference","key":""}')).toThrow(
      /Expected an uploads message, .*key: /,
    );
    expect(() => read('nonsense')).toThrow(
      'Expected an uploads message in JSON, received 8 characters that are not JSON.',
    );
  });
});
