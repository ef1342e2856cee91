import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageGpt, openImageGpt } from '../../../lib/index.ts';

const pictures = join(import.meta.dirname, '../../fixtures/pictures');
const cat = join(pictures, 'animals/cat.jpg');
const rocket = join(pictures, 'space/rocket.jpg');

let model: ImageGpt;
beforeAll(async () => {
  model = await openImageGpt('igpt-nano', { threads: 1, decoders: 1 });
});
afterAll(() => model.close());

describe('a prediction', () => {
  test('has the fields of an outcome', async () => {
    const { classification, features, likelihood, image, ...about } = await model.predict(cat);

    expect(about).toMatchObject({ status: 'succeeded', model: model.id, provider: 'cpu', precision: 'f32' });
    expect(image).toEqual({ format: 'jpeg', width: 451, height: 300, bytes: 31_589 });
    expect(classification?.top5).toHaveLength(5);
    expect(features?.values).toHaveLength(128);
    expect(likelihood?.bits_per_pixel).toBeCloseTo((likelihood?.nats_per_token ?? 0) / Math.LN2, 12);
  });

  test('is the same from a path, a file URL, bytes and tokens', async () => {
    const fromPath = await model.predict(cat);

    expect(await model.predict(pathToFileURL(cat))).toEqual(fromPath);
    expect(await model.predict(readFileSync(cat))).toEqual(fromPath);
    expect(await model.predict(await model.quantize(cat))).toEqual({ ...fromPath, image: null });
  });

  test.each([
    ['/nowhere.png', 'not_found'],
    [pictures, 'not_a_file'],
    [join(pictures, 'CREDITS.md'), 'unsupported_format'],
    [new Uint8Array(), 'empty_object'],
    [Uint16Array.of(1, 2, 3), 'tokens_invalid'],
  ])('of %s fails with %s', async (picture, code) => {
    await expect(model.predict(picture)).rejects.toMatchObject({ code });
  });

  test.each([
    ['null', null, 'null'],
    ['a number', 42, 'number'],
    ['an array', [1, 2], 'Array'],
    ['an ArrayBuffer', new ArrayBuffer(8), 'ArrayBuffer'],
    ['an address', new URL('https://example.com/cat.jpg'), 'https:'],
  ])('of %s, as JavaScript may pass it, is refused with what is expected', async (_, given, received) => {
    // @ts-expect-error: not a picture
    await expect(model.predict(given)).rejects.toMatchObject({
      code: 'usage',
      message: `expected a path, a file URL, the bytes of a file (Uint8Array) or tokens (Uint16Array), received ${received}`,
    });
  });

  test('that waits for others ends as soon as its signal aborts', async () => {
    const tokens = await model.quantize(cat);
    let finished = 0;
    const others = Array.from({ length: 20 }, () => model.predict(tokens).then(() => (finished += 1)));
    const stop = new AbortController();
    const waiting = model.predict(tokens, { signal: stop.signal });
    stop.abort(new Error('not needed any more'));

    await expect(waiting).rejects.toThrow('not needed any more');
    expect(finished).toBeLessThan(20);
    await Promise.all(others);
  });

  test('is not begun after its signal aborted', async () => {
    const reason = new Error('not needed any more');
    await expect(model.predict(cat, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('many predictions', () => {
  test('come in the order of the pictures, and a failed one stands in its place', async () => {
    const results = await Array.fromAsync(model.predictAll([rocket, '/nowhere.png', cat]));

    expect(results.map(({ input, status }) => [input, status])).toEqual([
      [rocket, 'succeeded'],
      ['/nowhere.png', 'failed'],
      [cat, 'succeeded'],
    ]);
    expect(results[1]).toMatchObject({ error: { code: 'not_found' } });
  });

  test('read no more pictures than fit into memory, however many are offered', async () => {
    let offered = 0;
    async function* endless() {
      for (;;) {
        offered += 1;
        yield cat;
      }
    }
    for await (const { status } of model.predictAll(endless())) {
      expect(status).toBe('succeeded');
      break;
    }
    expect(offered).toBeLessThan(20);
  });

  test('end with the reason of their signal', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const all = async () => {
      for await (const { status } of model.predictAll([cat, cat, cat, cat], { signal: stop.signal })) {
        seen.push(status);
        stop.abort(new Error('enough'));
      }
    };
    await expect(all()).rejects.toThrow('enough');
    expect(seen.length).toBeLessThan(4);
  });

  test('end with the reason of their signal while the next picture has not come', async () => {
    const stop = new AbortController();
    async function* silent() {
      yield cat;
      await new Promise(() => {});
    }
    const all = async () => {
      for await (const _ of model.predictAll(silent(), { signal: stop.signal })) {
        setImmediate(() => stop.abort(new Error('enough')));
      }
    };
    await expect(all()).rejects.toThrow('enough');
  });

  test('are left at once while the next picture has not come', async () => {
    async function* silent() {
      yield cat;
      await new Promise(() => {});
    }
    for await (const { status } of model.predictAll(silent())) {
      expect(status).toBe('succeeded');
      break;
    }
  });
});

describe('completions', () => {
  test('keep the first tokens, and are the same for the same seed', async () => {
    const tokens = await model.quantize(cat);
    const samples = await model.complete(tokens, { keep: 250, count: 3, seed: 7 });

    expect(samples).toHaveLength(3);
    for (const sample of samples) expect(sample.subarray(0, 250)).toEqual(tokens.subarray(0, 250));
    expect(await model.complete(tokens, { keep: 250, count: 3, seed: 7 })).toEqual(samples);
  });

  test('refuse tokens that the model does not have', async () => {
    const outside = new Uint16Array(256).fill(512);
    await expect(model.complete(outside)).rejects.toMatchObject({ code: 'tokens_invalid' });
  });

  test.each([
    [{ keep: 1.5 }, 'keep 1.5: expected a share from 0 to 1, or a whole number of tokens from 2 to 256'],
    [{ count: 0 }, 'count 0: expected a whole number from 1'],
    [{ seed: -1 }, 'seed -1: expected a whole number below 2^32'],
    [{ temperature: Number.NaN }, 'temperature NaN: expected a number from 0'],
    [{ topK: 513 }, 'topK 513: expected 0 (all) to 512'],
    [{ topP: 0 }, 'topP 0: expected a number above 0, at most 1'],
  ])('refuse %o', async (options, message) => {
    await expect(model.complete(await model.quantize(cat), options)).rejects.toThrow(message);
  });

  test('end with the reason of their signal', async () => {
    const stop = new AbortController();
    const completing = model.complete(await model.quantize(cat), {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(completing).rejects.toThrow('enough');
  });
});

describe('opening and closing', () => {
  test.each([
    [{ threads: 0 }, 'threads 0: expected a whole number from 1 to 1024'],
    [{ decoders: Number.NaN }, 'decoders NaN: expected a whole number from 1 to 1024'],
    [{ maxBytes: -1 }, 'maxBytes -1: expected a whole number from 1'],
    [{ decodeTimeoutMs: 2 ** 31 }, 'decodeTimeoutMs 2147483648: expected a whole number from 1 to 2147483647'],
    [{ outputs: [] }, 'outputs []: expected an array of classification, features, likelihood'],
    [{ precision: 'f64' }, "precision 'f64': expected f32, int8, int8-block, f16"],
    [{ thread: 1 }, 'thread: expected one of the options outputs, featureLayer'],
  ])('%o, as JavaScript may pass it, is refused', async (options, message) => {
    // @ts-expect-error: not the options' types
    await expect(openImageGpt('igpt-nano', options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
  });

  test('a name that is no directory and no name of the hub is refused with what is expected', async () => {
    await expect(openImageGpt('igpt-nona')).rejects.toThrow(/expected a checkpoint directory .* or the name igpt-nano/);
  });

  test('an aborted signal opens nothing', async () => {
    const reason = new Error('not needed any more');
    await expect(openImageGpt('igpt-nano', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('a closed model refuses work, and closing twice is closing once', async () => {
    const closed = await openImageGpt('igpt-nano', { threads: 1, decoders: 1 });
    const last = closed.predict(cat);
    await Promise.all([closed.close(), closed.close()]);

    await expect(last).resolves.toMatchObject({ status: 'succeeded' });
    await expect(closed.predict(cat)).rejects.toMatchObject({ code: 'model_closed' });
  });
});
