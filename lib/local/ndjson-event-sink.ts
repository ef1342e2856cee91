import type { Writable } from 'node:stream';
import type { EventSink } from '../pipeline/ports.ts';
import { errorCode } from './file-error.ts';

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
  let closed = false;
  // The write's own callback tells of the error; an event without a listener would end the process.
  stream.on('error', () => {});

  function close(): void {
    if (!closed) options.onClosed?.();
    closed = true;
  }

  return {
    publish: (events) =>
      new Promise((resolve, reject) => {
        if (closed || events.length === 0) return resolve();
        const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
        stream.write(lines, (error) => {
          if (!error) return resolve();
          if (!readerGone.includes(errorCode(error))) return reject(error);
          close();
          resolve();
        });
      }),
  };
}
