import { describe, expect, it } from 'vitest';
import { createGatherer, type GathererOptions } from '../../../lib/async/gatherer.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** A gatherer of at most three items in 20 ms; `bad` fails its group. */
function setUp(options: Partial<GathererOptions<string>> = {}) {
  const clock = createVirtualClock();
  const groups: { items: string[]; at: number }[] = [];
  const start = clock.now().getTime();
  const gatherer = createGatherer<string>({
    clock,
    maxItems: 3,
    maxWaitMs: 20,
    async perform(items) {
      groups.push({ items, at: clock.now().getTime() - start });
      if (items.includes('bad')) throw new Error('refused');
    },
    ...options,
  });
  return { clock, groups, gatherer };
}

describe('a gatherer', () => {
  it('puts items into one group that are added at about the same time', async () => {
    const { clock, groups, gatherer } = setUp();
    const first = gatherer.add('a');
    await clock.sleep(10);
    await Promise.all([first, gatherer.add('b')]);
    expect(groups).toEqual([{ items: ['a', 'b'], at: 20 }]);
    await gatherer.add('c');
    expect(groups[1]).toEqual({ items: ['c'], at: 40 });
  });

  it('performs a full group at once', async () => {
    const { groups, gatherer } = setUp();
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((item) => gatherer.add(item)));
    expect(groups).toEqual([
      { items: ['a', 'b', 'c'], at: 0 },
      { items: ['d', 'e'], at: 20 },
    ]);
  });

  it('rejects every item of a group that fails, and no other', async () => {
    const { gatherer } = setUp();
    const results = await Promise.allSettled(['a', 'bad', 'b', 'c'].map((item) => gatherer.add(item)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  });

  it('performs a group when the next item does not fit, and an item alone that is too large for any group', async () => {
    const { groups, gatherer } = setUp({ size: { of: (item) => item.length, most: 4 } });
    await Promise.all(['ab', 'cd', 'e', 'fghij', 'k'].map((item) => gatherer.add(item)));
    expect(groups.map(({ items }) => items)).toEqual([['ab', 'cd'], ['e'], ['fghij'], ['k']]);
  });

  it('performs the open group when it is flushed', async () => {
    const { groups, gatherer } = setUp();
    const added = gatherer.add('a');
    gatherer.flush();
    gatherer.flush();
    await added;
    expect(groups).toEqual([{ items: ['a'], at: 0 }]);
  });
});
