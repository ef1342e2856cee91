import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createFullMessages } from '../../../lib/pipeline/full-messages.ts';
import { createTokenPacker } from '../../../lib/pipeline/token-packer.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const picture = (key: string) => ({
  key,
  etag: '"e"',
  image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
  tokens: 'AA==',
});
const asked = { key: 'a' };
const attempt = { receiveCount: 1, lastReceive: false };

function setUp(maxPictures = 100) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity: 100 });
  const packing = { queue, clock, preprocessing: '00000000000000aa', maxPictures, maxWaitMs: 3_600_000 };
  const full = createFullMessages(createTokenPacker(packing));
  return {
    ...{ clock, full },
    /** Pictures in each message. */
    async fills(): Promise<number[]> {
      const messages = await queue.receive({ maxMessages: 100, waitMs: 0 });
      return messages.map(({ body }) => JSON.parse(body).pictures.length);
    },
  };
}

describe('full messages', () => {
  it('hold all pictures of a batch, however long each took, and do not wait for the packer', async () => {
    const { clock, full, fills } = setUp();
    const start = clock.now().getTime();
    const flow = full.watch(async () => {
      await clock.sleep(Math.random() * 1000);
      await full.packer.add(picture('a'));
    });
    await Promise.all(Array.from({ length: 30 }, () => flow(asked, attempt)));
    expect(await fills()).toEqual([30]);
    expect(clock.now().getTime() - start).toBeLessThan(1001);
  });

  it('do not wait for pictures that end without tokens', async () => {
    const { clock, full, fills } = setUp();
    const good = full.watch(() => full.packer.add(picture('a')));
    const bad = full.watch(async () => {
      await clock.sleep(500);
      throw new Error('corrupt');
    });
    await Promise.allSettled([good(asked, attempt), bad(asked, attempt), good(asked, attempt)]);
    expect(await fills()).toEqual([2]);
  });

  it('are sent when they are full, and a picture that must go alone goes alone', async () => {
    const { full, fills } = setUp(4);
    const flow = full.watch(() => full.packer.add(picture('a')));
    const alone = full.watch(() => full.packer.add(picture('b'), { alone: true }));
    await Promise.all([...Array.from({ length: 10 }, () => flow(asked, attempt)), alone(asked, attempt)]);
    expect((await fills()).toSorted()).toEqual([1, 2, 4, 4]);
  });
});
