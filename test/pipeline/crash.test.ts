import { describe, expect, test } from 'vitest';
import { parseOutcome } from '../../lib/contracts/outcome.ts';
import { createWorld, findProblems, startProcess } from '../support/pipeline-world.ts';

/**
 * Runs a process that dies at its `step`-th point, then another one. `crashed` is undefined if no point was reached.
 */
async function crashAt(
  step: number,
): Promise<{ crashed: string | undefined; wrong: string[]; deadLetters: number; statuses: unknown[] }> {
  const world = createWorld();
  await world.upload('a.jpg', 'good one');
  await world.upload('b.jpg', 'bad one');
  await world.upload('c/d.jpg', 'good too');
  await world.upload('empty.jpg', '');

  let steps = 0;
  let crashed: string | undefined;
  startProcess(world, {
    fault(point) {
      steps += 1;
      if (steps === step) crashed = point;
      return crashed === undefined ? Promise.resolve() : new Promise(() => {});
    },
  });
  // Long enough for all pictures, too short for a message to become visible again.
  await world.clock.sleep(5000);
  const second = startProcess(world);
  const quiet = await world.quiet();
  await second.stop();
  world.clock.stop();
  const statuses = [...world.output.objects.values()].map(({ body }) => parseOutcome(body)?.status);
  return {
    crashed,
    wrong: [...findProblems(world), ...(quiet ? [] : ['stuck'])],
    deadLetters: world.uploads.deadLetters.length + world.tokens.deadLetters.length,
    statuses: statuses.sort(),
  };
}

describe('a process that dies', () => {
  test('between any two steps loses no picture and leaves none stuck', async () => {
    const points = new Set<string>();
    for (let step = 1; ; step++) {
      const { crashed, ...end } = await crashAt(step);
      if (crashed === undefined) break;
      points.add(crashed);
      expect({ crashed, ...end }).toEqual({
        crashed,
        wrong: [],
        deadLetters: 0,
        statuses: ['failed', 'failed', 'succeeded', 'succeeded'],
      });
    }
    for (const call of [
      'input.get',
      'decoder.decode',
      'tokens.send',
      'uploads.delete',
      'model.predict',
      'output.put',
      'events.publish',
      'tokens.delete',
    ]) {
      expect(points).toContain(`before ${call}`);
      expect(points).toContain(`after ${call}`);
    }
  });
});
