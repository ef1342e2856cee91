import { expect, test } from 'vitest';
import { messageText } from '../../../lib/contracts/message-text.ts';

test('characters that SQS refuses are escaped, and come back', () => {
  const value = { key: 'a\uffff\ufffe\u0000é' };
  expect(messageText(value)).toBe('{"key":"a\\uffff\\ufffe\\u0000é"}');
  expect(JSON.parse(messageText(value))).toEqual(value);
});
