import type { ResultEvent } from '../../lib/contracts/event.ts';
import { resultPrefix } from '../../lib/contracts/keys.ts';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Queue } from '../../lib/ports/queue.ts';
import type { ProofPicture } from './proof-pictures.ts';
import { type Found, judge, type ProofVerdict } from './proof-verdict.ts';

/** A deployed stack, seen from outside. */
export interface ProofWorld {
  input: ObjectStore;
  output: ObjectStore;
  /** The result-events queue; nobody else may read it. */
  events: Queue;
  model: string;
  /** Tasks that run now. */
  running(): Promise<number>;
  /** Ends a running task as a failure would; resolves with its name, or undefined when none runs. */
  kill(): Promise<string | undefined>;
  /** Messages in all dead letters. */
  deadLetters(): Promise<number>;
  clock: Clock;
  say(line: string): void;
}

/** Seconds, each from the start of its step. */
export interface ProofFigures {
  /** From the first upload, at zero tasks, to the first running task and to the first outcome. */
  wake: number;
  firstOutcome: number;
  /** From the first upload to the last outcome, a task being killed in between. */
  allOutcomes: number;
  /** From the last outcome to no running task. */
  backToZero: number;
  killed: string | undefined;
  deadLetters: number;
  verdict: ProofVerdict;
}

export interface ProveOptions {
  pictures: readonly ProofPicture[];
  /** Longest wait for anything, milliseconds. */
  limitMs: number;
  /** Between two looks, milliseconds. */
  pollMs: number;
}

/** Something took too long. */
class ProofTimeout extends Error {}

/** Uploads at once. */
const uploadsAtOnce = 16;

/**
 * Half of the pictures wake the stack from zero; when the first outcome is there, the other half comes and a task is
 * killed at work. Then everything has to end right, and the tasks have to go.
 */
export async function prove(world: ProofWorld, { pictures, limitMs, pollMs }: ProveOptions): Promise<ProofFigures> {
  const { clock, say, model } = world;
  const half = Math.ceil(pictures.length / 2);
  const atStart = await world.running();
  if (atStart > 0) say(`${atStart} tasks run already: this is no wake from zero`);

  const started = clock.now().getTime();
  const since = (from: number): number => (clock.now().getTime() - from) / 1000;
  await upload(pictures.slice(0, half));
  say(`${half} pictures are in the bucket`);
  await until('a task runs', async () => (await world.running()) > 0 || (await outcomes()) > 0);
  const wake = since(started);
  say(`a task runs after ${Math.round(wake)} s`);
  await until('an outcome is there', async () => (await outcomes()) > 0);
  const firstOutcome = since(started);
  say(`the first outcome is there after ${Math.round(firstOutcome)} s`);

  await upload(pictures.slice(half));
  let killed: string | undefined;
  await until('a task to kill', async () => {
    killed = await world.kill();
    return killed !== undefined || (await outcomes()) >= pictures.length;
  });
  say(killed === undefined ? 'no task was left to kill' : `killed ${killed}`);
  let said = 0;
  await until('every outcome is there', async () => {
    const there = await outcomes();
    if (there !== said) say(`${there} of ${pictures.length} outcomes`);
    said = there;
    return there >= pictures.length;
  });
  const allOutcomes = since(started);
  const lastOutcome = clock.now().getTime();
  const found = await gather();
  const deadLetters = await world.deadLetters();
  say('waiting for the tasks to go');
  await until('no task runs', async () => (await world.running()) === 0);
  return {
    ...{ wake, firstOutcome, allOutcomes, killed, deadLetters },
    backToZero: since(lastOutcome),
    verdict: judge(pictures, found),
  };

  async function upload(some: readonly ProofPicture[]): Promise<void> {
    const left = some.values();
    await Promise.all(
      Array.from({ length: uploadsAtOnce }, async () => {
        for (const { key, body } of left) await world.input.put(key, body);
      }),
    );
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
        throw new ProofTimeout(`expected that ${what}, but not within ${Math.round(limitMs / 60_000)} minutes`);
      }
      await clock.sleep(pollMs);
    }
  }

  /** Everything about each picture; events come within a moment of the outcome. */
  async function gather(): Promise<Map<string, Found>> {
    const events = new Map<string, ResultEvent[]>();
    await until('every event is there', async () => {
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
      // The verdict names the pictures without one.
      if (!(error instanceof ProofTimeout)) throw error;
    });
    const found = new Map<string, Found>();
    for (const { key } of pictures) {
      const object = await world.input.head(key);
      const read = await world.output.get(outcomeKey(model, key));
      const outcome = read.status === 'found' ? parseOutcome(read.body) : undefined;
      found.set(key, { etag: object?.etag, outcome, events: events.get(key) ?? [] });
    }
    return found;
  }
}
