import { describe, expect, it } from 'vitest';
import { gatherDeletions, gatherEvents } from '../../../lib/aws/gather-requests.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

/** Records the items of each request. */
function setUp() {
  const clock = createVirtualClock();
  const requests: (readonly string[])[] = [];
  const perform = async (items: readonly string[]): Promise<void> => void requests.push(items);
  return { clock, requests, perform };
}

describe('gathered requests', () => {
  it('carry the events of several calls', async () => {
    const { clock, requests, perform } = setUp();
    const sink = gatherEvents<string>({ publish: perform }, clock);
    await Promise.all([sink.publish(['a']), sink.publish(['b', 'c'])]);
    expect(requests).toEqual([['a', 'b', 'c']]);
  });

  it('carry the deletions of several calls', async () => {
    const { clock, requests, perform } = setUp();
    const queue = gatherDeletions({ ...createMemoryQueue({ clock, capacity: 10 }), delete: perform }, clock);
    await Promise.all([queue.delete(['1']), queue.delete(['2'])]);
    expect(requests).toEqual([['1', '2']]);
  });

  it('hold ten items at most, as SQS and SNS do', async () => {
    const { clock, requests, perform } = setUp();
    await gatherEvents<string>({ publish: perform }, clock).publish(numbers(25));
    expect(requests.map((items) => items.length)).toEqual([10, 10, 5]);
  });

  it('wait at most 20 ms', async () => {
    const { clock, perform } = setUp();
    const start = clock.now().getTime();
    await gatherEvents<string>({ publish: perform }, clock).publish(['a']);
    expect(clock.now().getTime() - start).toBe(20);
  });

  it('are not sent for empty lists', async () => {
    const { clock, requests, perform } = setUp();
    await gatherEvents<string>({ publish: perform }, clock).publish([]);
    expect(requests).toEqual([]);
  });
});
