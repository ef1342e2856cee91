import { utf8Length } from '../contracts/key-order.ts';
import { maxMessageBytes } from '../contracts/limits.ts';
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
  /** Most pictures in a message. Default 100. */
  maxPictures?: number;
  /** Most bytes in a message. Default 1 MiB, SQS's limit. */
  maxBytes?: number;
  /** Longest that a picture waits for others to share its message, milliseconds. Default 200. */
  maxWaitMs?: number;
  /** Ends waits for a full queue. */
  signal?: AbortSignal;
}

/** Gathers pictures and sends many to a message. */
export interface TokenPacker {
  /** Resolves when the message that holds the picture is in the queue. `alone`: in a message of its own. */
  add(picture: TokensPicture, options?: { alone?: boolean }): Promise<void>;
  /** Sends at once what has been gathered. */
  flush(): void;
}

interface Waiting {
  text: string;
  resolve(): void;
  reject(reason: unknown): void;
}

export function createTokenPacker(options: TokenPackerOptions): TokenPacker {
  const {
    queue,
    clock,
    preprocessing,
    maxPictures = 100,
    maxBytes = maxMessageBytes,
    maxWaitMs = 200,
    signal,
  } = options;
  // Pictures are serialised once, when they come; a message is their texts put between these two.
  const head = messageText({ schema_version: 1, preprocessing } satisfies Omit<TokensMessage, 'pictures'>).slice(0, -1);
  const [open, close] = [`${head},"pictures":[`, ']}'];
  const emptyBytes = open.length + close.length;
  let gathered: Waiting[] = [];
  let bytes = emptyBytes;
  let timer = new AbortController();

  function flush(): void {
    // With a reason, so that no error with a stack is made for it.
    timer.abort('sent');
    if (gathered.length === 0) return;
    const pictures = gathered;
    gathered = [];
    bytes = emptyBytes;
    void send(pictures);
  }

  async function send(pictures: Waiting[]): Promise<void> {
    const body = open + pictures.map(({ text }) => text).join(',') + close;
    try {
      await queue.send([body], signal === undefined ? {} : { signal });
      for (const { resolve } of pictures) resolve();
    } catch (error) {
      for (const { reject } of pictures) reject(error);
    }
  }

  async function flushAfterWait(): Promise<void> {
    timer = new AbortController();
    const { signal } = timer;
    await clock.sleep(maxWaitMs, signal);
    if (!signal.aborted) flush();
  }

  return {
    flush,
    add(picture, { alone = false } = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting = { text: messageText(picture), resolve, reject };
      if (alone) {
        void send([waiting]);
        return promise;
      }
      const size = utf8Length(waiting.text) + 1;
      if (bytes + size > maxBytes) flush();
      gathered.push(waiting);
      bytes += size;
      if (gathered.length >= maxPictures) flush();
      else if (gathered.length === 1) void flushAfterWait();
      return promise;
    },
  };
}
