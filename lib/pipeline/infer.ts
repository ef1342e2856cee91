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
import { isolate, workerSuspectsFrom } from './isolate-poison.ts';
import { outcomeKey } from './outcome-key.ts';
import { predictionOutcome } from './prediction-outcome.ts';
import { tryPicture } from './try-picture.ts';

export interface InferOptions extends OutcomePorts {
  /** The uploads queue. It receives references to pictures whose tokens were made for another preprocessing. */
  uploads: Queue;
  model: Model;
  /** Hash of the model's preprocessing. */
  preprocessing: string;
  /** Bounds how many pictures the model holds. */
  predicting: Semaphore;
}

interface Picture {
  facts: TokensPicture;
  /** [n], raster order. */
  tokens: Uint16Array;
}

/**
 * The second flow: takes tokens and delivers outcomes.
 *
 * Resolves when each picture's outcome is stored and its event published, or the picture is gone or superseded; or when
 * the tokens were made for another preprocessing and references are back in the uploads queue. Rejects when a store, a
 * queue, the topic or the model fails, or when the body is no tokens message of this preprocessing
 * ({@link MessageError}). On the last receive, an error of the model becomes a failed outcome instead.
 *
 * A redelivered message skips pictures that have ended. From the third delivery on, its pictures are processed one by
 * one, because one of them may end the process. If a message holds two poisonous pictures, the pictures between them may
 * be dead-lettered; a backfill sends those in other messages.
 */
export function createInfer(options: InferOptions): Flow {
  const { output, clock, observer, uploads, model, preprocessing, predicting } = options;
  const colors = model.preprocessing.palette.length / 3;

  return async (message, signal) => {
    const body = readMessage(message.body, tokensMessage, 'a tokens message');
    observer.received?.(message, body.pictures.length);
    if (body.preprocessing !== preprocessing) return sendBack(body, signal);
    const [failed] = await isolate(withoutDuplicates(body.pictures.map(unpack)), {
      suspectFrom: workerSuspectsFrom,
      receiveCountOf: () => message.receiveCount,
      work: (picture) => inferPicture(picture, message, signal),
    });
    if (failed !== undefined) throw failed.error;
  };

  async function sendBack({ pictures }: TokensMessage, signal: AbortSignal | undefined): Promise<void> {
    const references = pictures.map(
      ({ key, etag }): PictureReference => ({ schema_version: 1, type: 'reference', key, etag }),
    );
    await uploads.send(references.map(messageText), { signal });
  }

  function unpack(facts: TokensPicture): Picture {
    try {
      return { facts, tokens: unpackTokens(Buffer.from(facts.tokens, 'base64'), model.tokens, colors) };
    } catch (cause) {
      if (!(cause instanceof ImageGptError)) throw cause;
      throw new MessageError(`Expected the tokens of a picture: ${cause.message}`, { cause });
    }
  }

  async function inferPicture(picture: Picture, message: QueueMessage, signal?: AbortSignal): Promise<void> {
    const redelivered = message.receiveCount > 1;
    if (redelivered && observer.hasEnded?.(picture.facts.key)) return;
    await predicting.run(async () => {
      // An earlier delivery may have stored the outcome and then failed to publish it.
      const stored = redelivered ? await storedSuccess(picture) : undefined;
      await deliverOutcome(options, stored ?? (await predict(picture, message, signal)));
    }, signal);
  }

  async function storedSuccess({ facts: { key, etag } }: Picture): Promise<SucceededOutcome | undefined> {
    const read = await observer.stages.run('reading', key, () => output.get(outcomeKey(model.id, key)));
    const stored = read.status === 'found' ? parseOutcome(read.body) : undefined;
    return stored?.status === 'succeeded' && stored.etag === etag ? stored : undefined;
  }

  async function predict({ facts, tokens }: Picture, attempt: QueueMessage, signal?: AbortSignal): Promise<Outcome> {
    const { key, etag } = facts;
    const tried = await tryPicture(
      async () => {
        const prediction = await observer.stages.run('predicting', key, () => model.predict(tokens));
        return predictionOutcome({ clock, model }, facts, prediction);
      },
      { attempt, signal, code: 'inference_failed', caught: (error) => observer.caught(key, error) },
    );
    if ('result' in tried) return tried.result;
    return failedOutcome(clock, { key, etag, model: model.id, error: tried.failure });
  }
}

/**
 * A message may hold the same version of a picture twice, after two announcements. A poisonous picture would then count
 * as two, and the pictures between them would be dead-lettered.
 */
function withoutDuplicates(pictures: readonly Picture[]): Picture[] {
  return [...new Map(pictures.map((picture) => [`${picture.facts.etag} ${picture.facts.key}`, picture])).values()];
}
