import type { Writable } from 'node:stream';
import { errorCode } from '../ports/error.ts';
import type { EventSink } from '../ports/queue.ts';

export interface NdjsonEventSinkOptions {
  /** Told once when the reader has gone (EPIPE): from then on events go nowhere. Default: nothing. */
  onClosed?: () => void;
}

/** What a stream says when nobody reads any more. */
const readerGone: readonly (string | undefined)[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_PREMATURE_CLOSE'];

/**
 * Writes one JSON event a line. An event is published when the system has taken it, so a slow reader slows us down; a
 * reader that goes away, as `head` does, is no error.
 */
export function createNdjsonEventSink<E>(stream: Writable, options: NdjsonEventSinkOptions = {}): EventSink<E> {
  const waiting = new Set<() => void>();
  let closed = false;
  // The write's own callback tells of the error; an event without a listener would end the process.
  stream.on('error', () => {});
  // A stream that is destroyed may forget the callback of the write that it is in.
  stream.on('close', close);

  function close(): void {
    if (!closed) options.onClosed?.();
    closed = true;
    for (const resolve of waiting) resolve();
  }

  async function write(lines: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.add(resolve);
    stream.write(lines, (error) => {
      if (!error) resolve();
      else if (readerGone.includes(errorCode(error))) close();
      else reject(error);
    });
    await promise.finally(() => waiting.delete(resolve));
  }

  return {
    async publish(events) {
      if (closed || events.length === 0) return;
      await write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    },
  };
}
