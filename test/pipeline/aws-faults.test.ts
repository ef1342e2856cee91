import { expect, test } from 'vitest';
import { resultKey } from '../../lib/contracts/keys.ts';
import { TransientError } from '../../lib/pipeline/ports.ts';
import { sha256 } from '../../lib/pipeline/sha256.ts';
import { type AwsProcess, announce, change, startFunction, startWorker } from '../support/aws-world.ts';
import type { Fault } from '../support/faulty-ports.ts';
import { createWorld, faults, type World } from '../support/pipeline-world.ts';
import { seededRandom } from '../support/seeded-random.ts';

// SCHEDULES=100000 plays more; SEED=17 replays one.
const { SCHEDULES: schedules = '300', SEED: only } = process.env;

/** Share of the points between two steps at which something goes wrong. */
const faultRate = 0.05;

/**
 * One schedule over the processes as they are deployed: pictures are put, overwritten, deleted, announced twice, late
 * and in the wrong order, tokens come for another model, while function and worker see errors before and after each
 * call, delays beyond visibility and time limits, clock jumps and their own deaths. Then the faults end.
 */
async function playSchedule(seed: number): Promise<string[]> {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const world = createWorld();
  let calm = false;

  /** Starts the process again whenever it dies, until the faults end. */
  async function supervise(start: (world: World, fault: Fault) => AwsProcess): Promise<AwsProcess> {
    for (;;) {
      const death = Promise.withResolvers<string>();
      let dead = false;
      const process = start(world, async (point) => {
        if (!dead && (calm || random() >= faultRate)) return;
        const kind = random();
        dead ||= !calm && kind < 0.15;
        if (dead) {
          death.resolve('died');
          return new Promise(() => {});
        }
        if (kind < 0.6) throw new TransientError('injected', point);
        await world.clock.sleep(random() * 100_000);
      });
      if ((await Promise.race([death.promise, untilCalm()])) === 'calm') return process;
      await world.clock.sleep(random() * 30_000);
    }
  }

  async function untilCalm(): Promise<string> {
    while (!calm) await world.clock.sleep(1000);
    return 'calm';
  }

  const processes = [
    supervise(startFunction),
    supervise(startFunction),
    supervise(startWorker),
    supervise(startWorker),
  ];
  const keys = ['a b+c.jpg', 'a!', 'a/b.jpg', '\u{1f408}'];
  const etags: string[] = [];
  for (let i = 0; i < 14; i++) {
    const key = pick(keys);
    const action = random();
    if (action < 0.55)
      await change(world, key, `${pick(['good', 'good', 'bad', 'crash'])} ${Math.floor(random() * 3)}`);
    else if (action < 0.7) await change(world, key, undefined);
    else if (action < 0.85)
      await announce(world, pick(['ObjectCreated:Put', 'ObjectRemoved:Delete']), key, pick(etags));
    else if (action < 0.9) await world.tokens.send([otherTokens(key, pick(etags))]);
    else world.clock.jump((random() - 0.5) * 600_000);
    etags.push((await world.input.head(key))?.etag ?? '"gone"');
    await world.clock.sleep(random() * 40_000);
  }
  calm = true;
  const alive = await Promise.all(processes);
  const quiet = await world.quiet();

  // Only deaths may fill the dead letters; sent again, they end like all others.
  await world.uploads.send([...world.uploads.deadLetters]);
  await world.tokens.send([...world.tokens.deadLetters]);
  const quietAgain = await world.quiet();
  const wrong = faults(world);

  // In calm, a deletion leaves nothing.
  for (const key of keys) await change(world, key, undefined);
  const quietAtLast = await world.quiet();
  await Promise.all(alive.map((process) => process.stop()));
  world.clock.stop();
  const left = keys.filter((key) => world.output.objects.has(resultKey('fake-1', key, sha256)));
  const stuck = quiet && quietAgain && quietAtLast ? [] : ['stuck'];
  return [...wrong, ...left.map((key) => `${key}: an outcome without a picture`), ...stuck];
}

/** A tokens message that was made for another model. */
function otherTokens(key: string, etag = '"gone"'): string {
  const image = { format: 'jpeg', width: 1, height: 1, bytes: 1 };
  const picture = { key, etag, image, tokens: 'AA==' };
  return JSON.stringify({ schema_version: 1, preprocessing: '00000000000000bb', pictures: [picture] });
}

test('under random faults the deployed flows end every current picture with one outcome, and an event', async () => {
  const first = Number(only ?? 1);
  const last = only === undefined ? Number(schedules) : first;
  for (let seed = first; seed <= last; seed++) {
    expect({ seed, wrong: await playSchedule(seed) }).toEqual({ seed, wrong: [] });
  }
});
