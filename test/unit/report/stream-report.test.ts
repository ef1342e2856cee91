import { expect, test } from 'vitest';
import { serverSentEvent } from '../../../lib/report/stream-report.ts';

test('an event has a name and an id, and ends with an empty line', () => {
  expect(serverSentEvent({ event: 'rows', id: 'a.7', data: '[1]' })).toBe('event: rows\nid: a.7\ndata: [1]\n\n');
});

test('a line break in the data starts no other field', () => {
  expect(serverSentEvent({ event: 'rows', data: 'a\nevent: end\r\nb\rid: 9' })).toBe(
    'event: rows\ndata: a\ndata: event: end\ndata: b\ndata: id: 9\n\n',
  );
});
