import type { Writable } from 'node:stream';
import { errorCode } from '../ports/error.ts';
import type { EventSink } from '../ports/queue.ts';

export interface NdjsonEventSinkOptions {
  /** Called once when the reader closes the stream (EPIPE). Later events are dropped. Default: nothing. */
  onClosed?: (() => void) | undefined;
}

/** Codes of a stream whose reader is gone. */
const readerGone: readonly (string | undefined)[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_PREMATURE_CLOSE'];

/**
 * Writes a JSON event per line. An event is published when the system has accepted it, so a slow reader slows the writer
 * down. A reader that stops early, such as `head`, is no error.
 */
export function createNdjsonEventSink<E>(stream: Writable, options: NdjsonEventSinkOptions = {}): EventSink<E> {
  const waiting = new Set<() => void>();
  let closed = false;
  // The callback of a write reports its error. Without a listener, the event would end the process.
  stream.on('error', () => {});
  // A destroyed stream may never call the callback of its current write.
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
