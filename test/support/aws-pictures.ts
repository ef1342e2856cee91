import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';

/** Checks the pictures and outcomes of a stack from outside, as its user does. */
export interface AwsPictures {
  /** Messages in a queue, including those in flight. */
  waiting(url: string): Promise<number>;
  /** Resolves when both queues have been empty twice in a row. */
  quiet(): Promise<void>;
  /**
   * Every picture has one outcome, of its current version, with an event. There are no other outcomes.
   *
   * @param expected by key: `succeeded`, or the failure code
   * @throws Error with one line for each fault
   */
  check(expected: Readonly<Record<string, string>>): Promise<void>;
}

export interface WatchedStack {
  input: ObjectStore;
  output: ObjectStore;
  uploadsUrl: string;
  tokensUrl: string;
  /** Takes the events that were published since the last call. */
  events(): Promise<ResultEvent[]>;
}

export function createAwsPictures(stack: WatchedStack, sqs: SQSClient, model: string): AwsPictures {
  const events: ResultEvent[] = [];

  async function waiting(url: string): Promise<number> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    const { Attributes: counts = {} } = await sqs.send(command);
    return Number(counts.ApproximateNumberOfMessages) + Number(counts.ApproximateNumberOfMessagesNotVisible);
  }

  return {
    waiting,
    async quiet() {
      for (let emptyInARow = 0; emptyInARow < 2; await clock.sleep(300)) {
        const left = (await waiting(stack.uploadsUrl)) + (await waiting(stack.tokensUrl));
        emptyInARow = left === 0 ? emptyInARow + 1 : 0;
      }
    },
    async check(expected) {
      events.push(...(await stack.events()));
      const wrong: string[] = [];
      const seen = new Set<string>();
      for await (const { key, etag } of stack.input.list()) {
        if (key.endsWith('/')) continue;
        seen.add(key);
        const read = await stack.output.get(outcomeKey(model, key));
        const found = read.status === 'found' ? parseOutcome(read.body) : undefined;
        const ended = found?.status === 'failed' ? found.error.code : (found?.status ?? 'none');
        if (ended !== expected[key]) wrong.push(`${key}: expected ${expected[key] ?? 'no picture'}, found ${ended}`);
        if (found?.etag !== etag) wrong.push(`${key}: expected an outcome of ${etag}, found ${found?.etag}`);
        const hasEvent = events.some(
          (event) => event.key === key && event.etag === etag && event.status === found?.status,
        );
        if (!hasEvent) wrong.push(`${key}: no event`);
      }
      for (const key of Object.keys(expected)) if (!seen.has(key)) wrong.push(`${key}: no picture`);
      const wanted = new Set(Object.keys(expected).map((key) => outcomeKey(model, key)));
      for await (const { key } of stack.output.list()) if (!wanted.has(key)) wrong.push(`${key}: nobody expects it`);
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
    },
  };
}
