import { PassThrough, Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { createNdjsonEventSink } from '../../../lib/local/ndjson-event-sink.ts';

test('writes an event per line', async () => {
  const stream = new PassThrough();
  const sink = createNdjsonEventSink(stream);
  await sink.publish([{ key: 'a\nb' }, { key: 'é' }]);
  expect(stream.read().toString()).toBe('{"key":"a\\nb"}\n{"key":"é"}\n');
});

test('waits for a slow reader', async () => {
  const stream = new PassThrough({ highWaterMark: 8 });
  const sink = createNdjsonEventSink(stream);
  let published = 0;
  const publishing = Array.from({ length: 20 }, (_, i) => sink.publish([{ event: i }]).then(() => published++));
  await new Promise(setImmediate);
  expect(published).toBe(0);
  stream.resume();
  await Promise.all(publishing);
  expect(published).toBe(20);
});

function failing(code: string): Writable {
  return new Writable({ write: (_, __, done) => done(Object.assign(new Error(code), { code })) });
}

test('drops events when the reader is gone, and reports it once', async () => {
  const onClosed = vi.fn();
  const sink = createNdjsonEventSink(failing('EPIPE'), { onClosed });
  await sink.publish([{ n: 1 }]);
  await sink.publish([{ n: 2 }]);
  expect(onClosed).toHaveBeenCalledOnce();
});

test('ends a pending write when the reader is gone', async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const sink = createNdjsonEventSink(stream);
  const publishing = sink.publish([{ n: 1 }]);
  stream.destroy(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
  await expect(publishing).resolves.toBeUndefined();
});

test('rejects when events cannot be written for another reason', async () => {
  const sink = createNdjsonEventSink(failing('ENOSPC'));
  await expect(sink.publish([{ n: 1 }])).rejects.toThrow('ENOSPC');
});
