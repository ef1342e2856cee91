import type { Semaphore } from '../async/semaphore.ts';
import { MessageError, messageText, readMessage } from '../contracts/message-text.ts';
import { type Outcome, parseOutcome, type SucceededOutcome } from '../contracts/outcome.ts';
import { type TokensMessage, type TokensPicture, tokensMessage } from '../contracts/tokens-message.ts';
import type { PictureReference } from '../contracts/uploads-message.ts';
import { unpackTokens } from '../image-gpt/token-packing.ts';
import { ImageGptError } from '../ports/error.ts';
import type { Model } from '../ports/model.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import type { Flow } from './consumer.ts';
import { deliverOutcome, failedOutcome, type OutcomePorts } from './deliver-outcome.ts';
import { suspectFrom } from './isolate-poison.ts';
import { outcomeKey } from './outcome-key.ts';
import { predictionOutcome } from './prediction-outcome.ts';
import { tryPicture } from './try-picture.ts';

export interface InferOptions extends OutcomePorts {
  /** The uploads queue: there go references to pictures whose tokens were made for another model. */
  uploads: Queue;
  model: Model;
  /** Hash of the model's preprocessing. */
  preprocessing: string;
  /** Bounds the pictures that the model holds at once. */
  predicting: Semaphore;
}

interface Picture {
  facts: TokensPicture;
  /** [n], raster order. */
  tokens: Uint16Array;
}

/**
 * The second flow: tokens in, outcomes out.
 *
 * Deleted: each picture's outcome is stored and its event published, or it is gone or superseded; or the tokens were
 * made for another preprocessing, and references are back in the uploads queue. Retried: the world or the model
 * failed; an error of the model on the last permitted receive becomes a failed outcome. Dead-lettered: outcomes that
 * cannot be stored or published, a body that is no tokens message, or whose tokens are not what its preprocessing says
 * ({@link MessageError}).
 *
 * A picture that kills the process would take the others of its message to the dead letters. So from the third delivery
 * on they go one by one, forwards and backwards in turn, and the finished ones are passed over: all but the killer end.
 * What lies between two killers of one message does not: a backfill sends it in another message.
 */
export function createInfer(options: InferOptions): Flow {
  const { output, clock, observer, uploads, model, preprocessing, predicting } = options;
  const colors = model.preprocessing.palette.length / 3;

  return async (message, signal) => {
    const body = readMessage(message.body, tokensMessage, 'a tokens message');
    observer.received?.(message, body.pictures.length);
    if (body.preprocessing !== preprocessing) return sendBack(body, signal);
    const pictures = once(body.pictures.map(unpack));
    const again = message.receiveCount > 1;
    if (message.receiveCount < suspectFrom) {
      return throwFirst(await Promise.allSettled(pictures.map((picture) => one(picture, message, again, signal))));
    }
    const results: PromiseSettledResult<void>[] = [];
    for (const picture of message.receiveCount % 2 === 1 ? pictures : pictures.reverse()) {
      results.push(...(await Promise.allSettled([one(picture, message, again, signal)])));
    }
    throwFirst(results);
  };

  async function sendBack({ pictures }: TokensMessage, signal?: AbortSignal): Promise<void> {
    const references = pictures.map(
      ({ key, etag }): PictureReference => ({ schema_version: 1, type: 'reference', key, etag }),
    );
    await uploads.send(references.map(messageText), signal === undefined ? {} : { signal });
  }

  function unpack(facts: TokensPicture): Picture {
    try {
      return { facts, tokens: unpackTokens(Buffer.from(facts.tokens, 'base64'), model.tokens, colors) };
    } catch (cause) {
      if (!(cause instanceof ImageGptError)) throw cause;
      throw new MessageError(`Expected the tokens of a picture: ${cause.message}`, { cause });
    }
  }

  async function one(picture: Picture, message: QueueMessage, again: boolean, signal?: AbortSignal): Promise<void> {
    if (again && observer.hasEnded?.(picture.facts.key)) return;
    await predicting.run(async () => {
      // An earlier delivery may have come as far as a stored result: that need not be computed again.
      const stored = again ? await storedResult(picture) : undefined;
      await deliverOutcome(options, stored ?? (await predict(picture, message, signal)));
    }, signal);
  }

  async function storedResult({ facts: { key, etag } }: Picture): Promise<SucceededOutcome | undefined> {
    const there = await observer.stages.run('reading', key, () => output.get(outcomeKey(model.id, key)));
    const stored = there.status === 'found' ? parseOutcome(there.body) : undefined;
    return stored?.status === 'succeeded' && stored.etag === etag ? stored : undefined;
  }

  async function predict({ facts, tokens }: Picture, message: QueueMessage, signal?: AbortSignal): Promise<Outcome> {
    const { key, etag } = facts;
    const tried = await tryPicture(
      async () => {
        const prediction = await observer.stages.run('predicting', key, () => model.predict(tokens));
        return predictionOutcome({ clock, model }, facts, prediction);
      },
      { attempt: message, signal, code: 'inference_failed', caught: (error) => observer.caught(key, error) },
    );
    if ('result' in tried) return tried.result;
    return failedOutcome(clock, { key, etag, model: model.id, error: tried.failure });
  }
}

/** Two announcements of a picture may meet in a message; between two of a killer nobody could end. */
function once(pictures: readonly Picture[]): Picture[] {
  return [...new Map(pictures.map((picture) => [`${picture.facts.etag} ${picture.facts.key}`, picture])).values()];
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
