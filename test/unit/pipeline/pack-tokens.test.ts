import { describe, expect, test } from 'vitest';
import { tokensMessage } from '../../../lib/contracts/tokens-message.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createTokenPacker, type TokenPackerOptions } from '../../../lib/pipeline/pack-tokens.ts';
import { fakePreprocessing } from '../../support/fake-model.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const picture = (key: string, bytes = 6) => ({
  key,
  etag: '"1"',
  image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
  tokens: Buffer.alloc(bytes).toString('base64'),
});

function setUp(options: Partial<TokenPackerOptions> = {}, capacity = 100) {
  const clock = createVirtualClock();
  const queue = createMemoryQueue({ clock, capacity });
  const packer = createTokenPacker({ queue, clock, preprocessing: fakePreprocessing, maxWaitMs: 200, ...options });
  const bodies = async () => (await queue.receive({ maxMessages: 100, waitMs: 0 })).map(({ body }) => body);
  /** Keys of each message. */
  const sent = async () =>
    (await bodies()).map((body) => tokensMessage.parse(JSON.parse(body)).pictures.map(({ key }) => key));
  return { clock, queue, packer, bodies, sent };
}

describe('the token packer', () => {
  test('sends a message as soon as it is full', async () => {
    const { packer, sent } = setUp({ maxPictures: 2 });
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => packer.add(picture(key))));
    expect(await sent()).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('lets a picture wait for others no longer than it may', async () => {
    const { clock, packer, sent } = setUp({ maxWaitMs: 200 });
    const start = clock.now().getTime();
    await packer.add(picture('a'));
    expect(clock.now().getTime() - start).toBe(200);
    expect(await sent()).toEqual([['a']]);
  });

  test('fills messages up to 1 MiB of UTF-8', async () => {
    const { packer, bodies } = setUp({ maxPictures: 1000 });
    const key = (i: number): string => `🐈${'é'.repeat(i)}\uffff`;
    await Promise.all(Array.from({ length: 40 }, (_, i) => packer.add(picture(key(i), 60_000 + i))));
    const lengths = (await bodies()).map((body) => Buffer.byteLength(body));
    expect(lengths.length).toBeGreaterThan(1);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1_048_576);
    // A picture takes about 80,200 bytes, so one more would not fit into any message but the last.
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(1_048_576 - 80_500);
  });

  test('sends a picture alone when told to, before those that wait', async () => {
    const { packer, sent } = setUp();
    const waiting = packer.add(picture('a'));
    await packer.add(picture('b'), { alone: true });
    await waiting;
    expect(await sent()).toEqual([['b'], ['a']]);
  });

  test('keeps a picture waiting while the queue is full', async () => {
    const { clock, queue, packer } = setUp({ maxPictures: 1 }, 1);
    await packer.add(picture('a'));
    let sent = false;
    const adding = packer.add(picture('b')).then(() => {
      sent = true;
    });
    await clock.sleep(1000);
    expect(sent).toBe(false);
    const [message] = await queue.receive({ maxMessages: 1, waitMs: 0 });
    await queue.delete([message?.receipt ?? '']);
    await adding;
  });

  test('rejects for every picture of a message that cannot be sent', async () => {
    const queue = createMemoryQueue({ clock: createVirtualClock(), capacity: 1 });
    const { packer } = setUp({ queue: { ...queue, send: () => Promise.reject(new Error('throttled')) } });
    const results = await Promise.allSettled(['a', 'b'].map((key) => packer.add(picture(key))));
    expect(results).toMatchObject([{ reason: { message: 'throttled' } }, { reason: { message: 'throttled' } }]);
  });
});

describe('the token packer of watched calls', () => {
  const hour = 3_600_000;
  const sizes = (messages: string[][]): number[] => messages.map((keys) => keys.length);

  test('sends a message once all calls wait for it, however long each took', async () => {
    const { clock, packer, sent } = setUp({ maxWaitMs: hour });
    const start = clock.now().getTime();
    const call = packer.watch(async (ms: number) => {
      await clock.sleep(ms);
      await packer.add(picture('a'));
    });
    await Promise.all(Array.from({ length: 30 }, (_, i) => call(i * 30)));
    expect(sizes(await sent())).toEqual([30]);
    expect(clock.now().getTime() - start).toBe(870);
  });

  test('does not wait for a call that fails', async () => {
    const { clock, packer, sent } = setUp({ maxWaitMs: hour });
    const start = clock.now().getTime();
    const good = packer.watch(() => packer.add(picture('a')));
    const bad = packer.watch(async () => {
      await clock.sleep(500);
      throw new Error('corrupt');
    });
    await Promise.allSettled([good(), bad(), good()]);
    expect(sizes(await sent())).toEqual([2]);
    expect(clock.now().getTime() - start).toBe(500);
  });

  test('sends full messages and single pictures at once', async () => {
    const { packer, sent } = setUp({ maxWaitMs: hour, maxPictures: 4 });
    const call = packer.watch(() => packer.add(picture('a')));
    const alone = packer.watch(() => packer.add(picture('b'), { alone: true }));
    await Promise.all([...Array.from({ length: 10 }, () => call()), alone()]);
    expect(sizes(await sent()).toSorted()).toEqual([1, 2, 4, 4]);
  });
});
