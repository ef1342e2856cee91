import { createGatherer } from '../async/gatherer.ts';
import { utf8Length } from '../contracts/key-order.ts';
import { maxMessageBytes, maxPicturesPerMessage } from '../contracts/limits.ts';
import { messageText } from '../contracts/message-text.ts';
import type { TokensMessage, TokensPicture } from '../contracts/tokens-message.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';

export interface TokenPackerOptions {
  /** The tokens queue. */
  queue: Queue;
  clock: Clock;
  /** Hash of the preprocessing that makes these tokens. */
  preprocessing: string;
  /** Most pictures in a message (default 100, the most). */
  maxPictures?: number;
  /** Longest time that a picture waits for others (milliseconds). */
  maxWaitMs: number;
  /** Ends waits for a full queue. */
  signal?: AbortSignal;
}

/** Packs several pictures into one tokens message. */
export interface TokenPacker {
  /** Resolves when the message that holds the picture is in the queue. `alone`: in a message of its own. */
  add(picture: TokensPicture, options?: { alone?: boolean }): Promise<void>;
  /**
   * Watches calls of `work`, which may add a picture each. When all running calls wait for a message, it is sent at once.
   * So `maxWaitMs` can be long: the pictures of a delivery share messages and never wait for it.
   */
  watch<Args extends unknown[]>(work: (...args: Args) => Promise<void>): (...args: Args) => Promise<void>;
}

export function createTokenPacker(options: TokenPackerOptions): TokenPacker {
  const { queue, clock, preprocessing, maxPictures = maxPicturesPerMessage, maxWaitMs, signal } = options;
  // Each picture is serialised once, when it is added. A message is these texts between head and tail.
  const start = messageText({ schema_version: 1, preprocessing } satisfies Omit<TokensMessage, 'pictures'>);
  const [head, tail] = [`${start.slice(0, -1)},"pictures":[`, ']}'];
  const gatherer = createGatherer<string>({
    perform: send,
    clock,
    maxItems: maxPictures,
    maxWaitMs,
    size: { of: (text) => utf8Length(text) + 1, most: maxMessageBytes - head.length - tail.length },
  });
  /** Watched calls, and how many of them wait for their message. */
  let running = 0;
  let waiting = 0;

  function send(pictures: string[]): Promise<void> {
    return queue.send([head + pictures.join(',') + tail], { signal });
  }

  function flushIfAllWait(): void {
    // After this tick, because more calls of the delivery may be about to start.
    queueMicrotask(() => {
      if (waiting > 0 && waiting === running) gatherer.flush();
    });
  }

  return {
    add(picture, { alone = false } = {}) {
      const text = messageText(picture);
      const sent = alone ? send([text]) : gatherer.add(text);
      const stopWaiting = (): void => {
        waiting -= 1;
      };
      sent.then(stopWaiting, stopWaiting);
      waiting += 1;
      flushIfAllWait();
      return sent;
    },
    watch:
      (work) =>
      async (...args) => {
        running += 1;
        try {
          await work(...args);
        } finally {
          running -= 1;
          flushIfAllWait();
        }
      },
  };
}
