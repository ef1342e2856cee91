import pMap from 'p-map';
import type { ResultEvent } from '../../lib/contracts/event.ts';
import { resultPrefix } from '../../lib/contracts/keys.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import type { ProofPicture } from './proof-pictures.ts';
import { type Found, judge, type ProofVerdict } from './proof-verdict.ts';

/** A deployed stack, as seen from outside. */
export interface ProofWorld {
  input: ObjectStore;
  output: ObjectStore;
  /** The result-events queue; no other program may read it. */
  events: Queue;
  model: string;
  /** Number of running tasks. */
  running(): Promise<number>;
  /** Kills a running task; resolves with its id, or undefined if none runs. */
  kill(): Promise<string | undefined>;
  /** Number of messages in all dead-letter queues. */
  deadLetters(): Promise<number>;
  clock: Clock;
  say(line: string): void;
}

/** Results of a proof. Times are in seconds. */
export interface ProofFigures {
  /** From the first upload to the first running task. */
  wake: number;
  /** From the first upload to the first outcome. */
  firstOutcome: number;
  /** From the first upload to the last outcome; a task is killed in between. */
  allOutcomes: number;
  /** From the last outcome to no running task. */
  backToZero: number;
  /** Id of the killed task. */
  killed: string | undefined;
  deadLetters: number;
  verdict: ProofVerdict;
}

export interface ProveOptions {
  pictures: readonly ProofPicture[];
  /** Timeout of each wait (milliseconds). */
  limitMs: number;
  /** Poll interval (milliseconds). */
  pollMs: number;
}

/** A wait took longer than its limit. */
class ProofTimeout extends Error {}

/** Number of concurrent uploads or downloads. */
const requestsAtOnce = 16;

/**
 * Uploads half of the pictures while no task runs. After the first outcome, uploads another quarter, kills a busy task,
 * and uploads the last quarter, which needs a new task. Then waits for all outcomes and events, and until no task runs.
 */
export async function prove(world: ProofWorld, { pictures, limitMs, pollMs }: ProveOptions): Promise<ProofFigures> {
  const { clock, say, model } = world;
  const half = Math.ceil(pictures.length / 2);
  const beforeKill = Math.ceil((pictures.length * 3) / 4);
  const atStart = await world.running();
  if (atStart > 0) say(`${atStart} tasks are already running: the stack does not start from zero`);

  const started = clock.now().getTime();
  const since = (from: number): number => (clock.now().getTime() - from) / 1000;
  await upload(pictures.slice(0, half));
  say(`uploaded ${half} pictures`);
  await until('a running task', async () => (await world.running()) > 0 || (await outcomes()) > 0);
  const wake = since(started);
  say(`the first task runs after ${Math.round(wake)} s`);
  await until('an outcome', async () => (await outcomes()) > 0);
  const firstOutcome = since(started);
  say(`the first outcome came after ${Math.round(firstOutcome)} s`);

  await upload(pictures.slice(half, beforeKill));
  let killed: string | undefined;
  await until('a task to kill', async () => {
    killed = await world.kill();
    return killed !== undefined || (await outcomes()) >= beforeKill;
  });
  say(killed === undefined ? 'no task was running that could be killed' : `killed ${killed}`);
  await upload(pictures.slice(beforeKill));
  let previous = 0;
  await until('every outcome', async () => {
    const stored = await outcomes();
    if (stored !== previous) say(`${stored} of ${pictures.length} outcomes`);
    previous = stored;
    return stored >= pictures.length;
  });
  const allOutcomes = since(started);
  const lastOutcome = clock.now().getTime();
  const found = await gather();
  const deadLetters = await world.deadLetters();
  say('waiting until no task runs');
  await until('no running task', async () => (await world.running()) === 0);
  return {
    wake,
    firstOutcome,
    allOutcomes,
    killed,
    deadLetters,
    backToZero: since(lastOutcome),
    verdict: judge(pictures, found),
  };

  async function upload(some: readonly ProofPicture[]): Promise<void> {
    await pMap(some, ({ key, body }) => world.input.put(key, body), { concurrency: requestsAtOnce });
  }

  async function outcomes(): Promise<number> {
    let count = 0;
    for await (const _ of world.output.list({ prefix: resultPrefix(model) })) count += 1;
    return count;
  }

  async function until(what: string, done: () => Promise<boolean>): Promise<void> {
    const from = clock.now().getTime();
    while (!(await done())) {
      if (clock.now().getTime() - from > limitMs) {
        throw new ProofTimeout(
          `expected ${what} within ${Math.round(limitMs / 60_000)} minutes (--limit), waited in vain`,
        );
      }
      await clock.sleep(pollMs);
    }
  }

  /** Reads everything about each picture. Events come shortly after the outcomes. */
  async function gather(): Promise<Map<string, Found>> {
    const events = new Map<string, ResultEvent[]>();
    await until('every event', async () => {
      for (;;) {
        const messages = await world.events.receive({ maxMessages: 10, waitMs: 1000 });
        if (messages.length === 0) break;
        for (const { body } of messages) {
          const event: ResultEvent = JSON.parse(body);
          events.set(event.key, [...(events.get(event.key) ?? []), event]);
        }
        await world.events.delete(messages.map(({ receipt }) => receipt));
      }
      return pictures.every(({ key }) => events.has(key));
    }).catch((error: unknown) => {
      // The verdict names the pictures without an event.
      if (!(error instanceof ProofTimeout)) throw error;
    });
    const etags = new Map<string, string>();
    for await (const { key, etag } of world.input.list()) etags.set(key, etag);
    const found = new Map<string, Found>();
    await pMap(
      pictures,
      async ({ key }) => {
        const read = await world.output.get(outcomeKey(model, key));
        const outcome = read.status === 'found' ? parseOutcome(read.body) : undefined;
        found.set(key, { etag: etags.get(key), outcome, events: events.get(key) ?? [] });
      },
      { concurrency: requestsAtOnce },
    );
    return found;
  }
}
