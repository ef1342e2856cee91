import { expect, test } from 'vitest';
import { uploadsMessage } from '../../../lib/contracts/uploads-message.ts';
import { readMessage } from '../../../lib/pipeline/read-message.ts';

const read = (body: string) => readMessage(body, uploadsMessage, 'an uploads message');

test('a message that keeps its contract is taken', () => {
  const message = { schema_version: 1, type: 'reference', key: 'a.jpg' };
  expect(read(JSON.stringify(message))).toEqual(message);
});

test('another one is named with what is wrong with it', () => {
  expect(() => read('{"schema_version":1,"type":"reference","key":""}')).toThrow(
    /Expected an uploads message, .*key: /,
  );
  expect(() => read('nonsense')).toThrow('Expected an uploads message in JSON, received 8 characters that are not.');
});
