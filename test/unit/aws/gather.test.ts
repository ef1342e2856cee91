import { describe, expect, it } from 'vitest';
import { gather, gatherDeletions, gatherEvents } from '../../../lib/aws/gather.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function setUp() {
  const clock = createVirtualClock();
  const requests: { items: readonly string[]; at: number }[] = [];
  const start = clock.now().getTime();
  const perform = async (items: readonly string[]): Promise<void> => {
    requests.push({ items, at: clock.now().getTime() - start });
    if (items.includes('bad')) throw new Error('refused');
  };
  return { clock, requests, options: { clock, maxItems: 3, maxWaitMs: 20 }, perform };
}

describe('gathering', () => {
  it('makes one request of calls that come at about the same time', async () => {
    const { clock, requests, options, perform } = setUp();
    const add = gather(perform, options);
    const first = add(['a']);
    await clock.sleep(10);
    await Promise.all([first, add(['b'])]);
    expect(requests).toEqual([{ items: ['a', 'b'], at: 20 }]);
    await add(['c']);
    expect(requests[1]).toEqual({ items: ['c'], at: 40 });
  });

  it('does not wait when a request is full', async () => {
    const { requests, options, perform } = setUp();
    const add = gather(perform, options);
    await Promise.all([add(['a', 'b']), add(['c']), add(['d', 'e', 'f', 'g'])]);
    expect(requests).toEqual([
      { items: ['a', 'b', 'c'], at: 0 },
      { items: ['d', 'e', 'f', 'g'], at: 0 },
    ]);
  });

  it('fails the calls of a failed request, and no others', async () => {
    const { options, perform } = setUp();
    const add = gather(perform, options);
    const results = await Promise.allSettled([add(['a']), add(['bad']), add(['b']), add(['c'])]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  });

  it('asks nothing for nothing', async () => {
    const { requests, options, perform } = setUp();
    await gather(perform, options)([]);
    expect(requests).toEqual([]);
  });

  it('serves a sink and a queue', async () => {
    const { clock, requests, options, perform } = setUp();
    const sink = gatherEvents({ publish: perform }, options);
    await Promise.all([sink.publish(['a']), sink.publish(['b'])]);
    expect(requests).toHaveLength(1);
    const queue = createMemoryQueue({ clock, capacity: 10 });
    const calls: number[] = [];
    const counted = { ...queue, delete: async (receipts: readonly string[]) => void calls.push(receipts.length) };
    const gathering = gatherDeletions(counted, options);
    await Promise.all([gathering.delete(['1']), gathering.delete(['2'])]);
    expect(calls).toEqual([2]);
  });
});
