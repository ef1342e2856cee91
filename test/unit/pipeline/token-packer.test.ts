import { describe, expect, test } from 'vitest';
import { tokensMessage } from '../../../lib/contracts/tokens-message.ts';
import { createMemoryQueue } from '../../../lib/local/memory-queue.ts';
import { createTokenPacker, type TokenPackerOptions } from '../../../lib/pipeline/token-packer.ts';
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
  const packer = createTokenPacker({ queue, clock, preprocessing: fakePreprocessing, ...options });
  const bodies = async () => (await queue.receive({ maxMessages: 100, waitMs: 0 })).map(({ body }) => body);
  const sent = async () =>
    (await bodies()).map((body) => tokensMessage.parse(JSON.parse(body)).pictures.map(({ key }) => key));
  return { clock, queue, packer, bodies, sent };
}

describe('the token packer', () => {
  test('sends many pictures in a message, as soon as it is full', async () => {
    const { packer, sent } = setUp({ maxPictures: 2 });
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => packer.add(picture(key))));
    expect(await sent()).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('does not let a picture wait for company for longer than it may', async () => {
    const { clock, packer, sent } = setUp({ maxWaitMs: 200 });
    const start = clock.now().getTime();
    await packer.add(picture('a'));
    expect(clock.now().getTime() - start).toBe(200);
    expect(await sent()).toEqual([['a']]);
  });

  test('never makes a message too long, however the characters of its keys are stored', async () => {
    const { packer, bodies } = setUp({ maxBytes: 2000, maxPictures: 1000 });
    await Promise.all(Array.from({ length: 40 }, (_, i) => packer.add(picture(`🐈${'é'.repeat(i)}\uffff`, i))));
    const lengths = (await bodies()).map((body) => Buffer.byteLength(body));
    expect(lengths.length).toBeGreaterThan(1);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2000);
    // Every message but the last is so full that one more would not have fitted.
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(1600);
  });

  test('sends a picture alone when told to, past those that wait', async () => {
    const { packer, sent } = setUp();
    const waiting = packer.add(picture('a'));
    await packer.add(picture('b'), { alone: true });
    await waiting;
    expect(await sent()).toEqual([['b'], ['a']]);
  });

  test('sends what has been gathered when told to', async () => {
    const { clock, packer, sent } = setUp();
    const start = clock.now().getTime();
    const adding = packer.add(picture('a'));
    packer.flush();
    await adding;
    expect(clock.now().getTime()).toBe(start);
    expect(await sent()).toEqual([['a']]);
  });

  test('keeps its pictures waiting while the queue is full', async () => {
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

  test('tells every picture of a message that could not be sent', async () => {
    const { clock, queue } = setUp();
    const send = () => Promise.reject(new Error('throttled'));
    const packer = createTokenPacker({ queue: { ...queue, send }, clock, preprocessing: fakePreprocessing });
    const results = await Promise.allSettled(['a', 'b'].map((key) => packer.add(picture(key))));
    expect(results).toMatchObject([{ reason: { message: 'throttled' } }, { reason: { message: 'throttled' } }]);
  });
});
