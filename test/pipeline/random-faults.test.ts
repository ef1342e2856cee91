import { expect, test } from 'vitest';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { TransientError } from '../../lib/ports/error.ts';
import { createWorld, findProblems, type Process, startProcess, type World } from '../support/pipeline-world.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Number of schedules: every kind of fault occurs at every call many times, in a few seconds. */
const schedules = 1000;

/** Share of the points between two steps at which a fault occurs. */
const faultRate = 0.05;

/**
 * Plays one schedule and returns the problems. Pictures are put, overwritten, deleted and announced twice. Meanwhile
 * calls of two processes fail or take longer than the visibility timeout, the clock jumps, and processes die. Then the
 * faults end.
 */
async function playSchedule(seed: number): Promise<string[]> {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const world = createWorld();
  /** Failure codes that a good picture may have. */
  const allowedCodes = new Set<string>();
  let faultsEnded = false;

  async function supervise(): Promise<Process> {
    for (;;) {
      const death = Promise.withResolvers<void>();
      let dead = false;
      const process = startProcess(world, {
        async fault(point) {
          if (!dead && (faultsEnded || random() >= faultRate)) return;
          const kind = random();
          dead ||= !faultsEnded && kind < 0.15;
          if (dead) {
            death.resolve();
            return new Promise(() => {});
          }
          if (kind < 0.6) {
            if (point.endsWith('decoder.decode')) allowedCodes.add('internal_error');
            if (point.endsWith('model.predict')) allowedCodes.add('inference_failed');
            throw new TransientError('injected', point);
          }
          await world.clock.sleep(random() * 100_000);
          // A process that has died meanwhile does not continue, and takes no message that others wait for.
          if (dead) return new Promise(() => {});
        },
      });
      const ended = Promise.race([death.promise.then(() => 'died'), untilFaultsEnd(world, () => faultsEnded)]);
      if ((await ended) !== 'died') return process;
      await world.clock.sleep(random() * 30_000);
    }
  }

  const processes = [supervise(), supervise()];
  const keys = ['a.jpg', 'a!', 'a/b.jpg', 'c'];
  const etags: string[] = [];
  for (let i = 0; i < 12; i++) {
    const key = pick(keys);
    const action = random();
    if (action < 0.65) await world.upload(key, `${pick(['good', 'good', 'bad', 'crash'])} ${Math.floor(random() * 3)}`);
    else if (action < 0.75) await world.input.delete(key);
    else if (action < 0.95) await world.announce(key, pick([undefined, ...etags]));
    else world.clock.jump((random() - 0.5) * 600_000);
    etags.push((await world.input.head(key))?.etag ?? '"gone"');
    await world.clock.sleep(random() * 40_000);
  }
  faultsEnded = true;
  const alive = await Promise.all(processes);
  const quiet = await world.quiet();

  // Deaths may dead-letter messages. Sent again, they must get through.
  const dead = [...world.uploads.deadLetters];
  const deadTokens = [...world.tokens.deadLetters];
  await world.uploads.send(dead);
  await world.tokens.send(deadTokens);
  const quietAgain = await world.quiet();
  await Promise.all(alive.map((process) => process.stop()));
  world.clock.stop();
  return [
    ...findProblems(world),
    ...unexpectedFailures(world, allowedCodes),
    ...(quiet && quietAgain ? [] : ['stuck']),
  ];
}

async function untilFaultsEnd(world: World, ended: () => boolean): Promise<string> {
  while (!ended()) await world.clock.sleep(1000);
  return 'faults ended';
}

/** Good pictures may fail only because the decoder or the model failed at the last permitted receive. */
function unexpectedFailures({ input, output }: World, allowedCodes: ReadonlySet<string>): string[] {
  return [...output.objects.values()].flatMap(({ body }) => {
    const outcome = parseOutcome(body);
    if (outcome?.status !== 'failed' || !input.text(outcome.key)?.startsWith('good')) return [];
    return allowedCodes.has(outcome.error.code) ? [] : [`${outcome.key}: ${outcome.error.code}`];
  });
}

test('random faults leave every picture with one outcome of its current version, and an event', async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    expect({ seed, wrong: await playSchedule(seed) }).toEqual({ seed, wrong: [] });
  }
});
