import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { EventSink } from '../pipeline/ports.ts';

export interface NdjsonEventSinkOptions {
  /** Told once when the reader has gone (EPIPE): from then on events go nowhere. Default: nothing. */
  onClosed?: () => void;
}

/**
 * Writes one JSON event a line. Waits while the reader is slower than we are; a reader that goes away, as `head` does,
 * is no error.
 */
export function createNdjsonEventSink<E>(stream: Writable, options: NdjsonEventSinkOptions = {}): EventSink<E> {
  const { onClosed = () => {} } = options;
  let failure: unknown;
  let closed = false;
  /** One wait for all, however many events are being published. */
  let drained: Promise<void> | undefined;
  const gone = new AbortController();

  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') failure = error;
    close();
  });
  stream.on('close', close);

  function close(): void {
    if (closed) return;
    closed = true;
    gone.abort();
    onClosed();
  }

  async function drain(): Promise<void> {
    // The wait also ends when the reader goes away.
    await once(stream, 'drain', { signal: gone.signal }).catch(() => {});
    drained = undefined;
  }

  return {
    async publish(events) {
      if (failure !== undefined) throw failure;
      if (closed || events.length === 0) return;
      const ready = stream.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      if (!ready) {
        drained ??= drain();
        await drained;
      }
      if (failure !== undefined) throw failure;
    },
  };
}
