import type { ResultEvent } from '../../lib/contracts/event.ts';
import type { Queue } from '../../lib/ports/queue.ts';

/** Takes all events out of a result-events queue. */
export async function takeEvents(queue: Queue): Promise<ResultEvent[]> {
  const found: ResultEvent[] = [];
  for (;;) {
    const messages = await queue.receive({ maxMessages: 10, waitMs: 0 });
    if (messages.length === 0) return found;
    found.push(...messages.map(({ body }) => JSON.parse(body)));
    await queue.delete(messages.map(({ receipt }) => receipt));
  }
}
