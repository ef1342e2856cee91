import { describe, expect, test } from 'vitest';
import { type Outcome, parseOutcome } from '../../../lib/contracts/outcome.ts';
import { storeOutcome } from '../../../lib/pipeline/store-outcome.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const file = 'results/fake-1/a.jpg.json';

function failed(etag: string, code: 'corrupt_image' | 'internal_error' = 'corrupt_image'): Outcome {
  return {
    schema_version: 1,
    status: 'failed',
    key: 'a.jpg',
    etag,
    model: 'fake-1',
    created_at: '2026-01-01T00:00:00.000Z',
    error: { code, message: 'no' },
  };
}

function succeeded(etag: string): Outcome {
  return {
    schema_version: 1,
    status: 'succeeded',
    key: 'a.jpg',
    etag,
    model: 'fake-1',
    created_at: '2026-01-01T00:00:00.000Z',
    image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
    classification: null,
    features: null,
    likelihood: null,
    provider: 'cpu',
    precision: 'f32',
    onnxruntime: '1',
  };
}

async function setUp(text = 'current') {
  const clock = createVirtualClock();
  const input = createMemoryObjectStore(clock);
  const output = createMemoryObjectStore(clock);
  await input.put('a.jpg', new TextEncoder().encode(text));
  const etag = (await input.head('a.jpg'))?.etag ?? '';
  const stored = () => parseOutcome(output.objects.get(file)?.body ?? new Uint8Array());
  return { input, output, etag, stored };
}

describe('storing an outcome', () => {
  test('creates the first outcome', async () => {
    const { stored, etag, ...stores } = await setUp();
    expect(await storeOutcome(stores, failed(etag))).toEqual({
      status: 'stored',
      outcome: failed(etag),
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect(stored()).toEqual(failed(etag));
  });

  test('replaces the outcome of an older version', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded('"older"'));
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ status: 'stored' });
    expect(stored()?.etag).toBe(etag);
  });

  test('keeps the outcome of a newer version', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    expect(await storeOutcome(stores, succeeded('"older"'))).toEqual({ status: 'superseded' });
    expect(stored()?.etag).toBe(etag);
  });

  test('keeps the existing outcome if the picture is gone', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    await stores.input.delete('a.jpg');
    expect(await storeOutcome(stores, succeeded('"other"'))).toEqual({ status: 'gone' });
  });

  test('of the same version: a success replaces a failure, but a failure never replaces a success', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    expect(await storeOutcome(stores, succeeded(etag))).toMatchObject({ outcome: { status: 'succeeded' } });
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ outcome: { status: 'succeeded' } });
    expect(stored()?.status).toBe('succeeded');
  });

  test('of the same version writes again, so that a process with the old ETag cannot replace it', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded(etag));
    const before = (await stores.output.head(file))?.etag;
    await storeOutcome(stores, succeeded(etag));
    expect((await stores.output.head(file))?.etag).not.toBe(before);
    // A millisecond later than the existing outcome, although both were created at the same time.
    expect(stored()?.created_at).toBe('2026-01-01T00:00:00.001Z');
  });

  test('replaces a file that is no outcome', async () => {
    const { stored, etag, ...stores } = await setUp();
    await stores.output.put(file, new TextEncoder().encode('{"status":'));
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ status: 'stored' });
    expect(stored()).toEqual(failed(etag));
  });

  test('reads again if another process stores in between', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded('"older"'));
    let raced = false;
    const head: typeof stores.input.head = async (key) => {
      if (!raced) await stores.output.put(file, new TextEncoder().encode(JSON.stringify(failed('"other"'))));
      raced = true;
      return stores.input.head(key);
    };
    expect(await storeOutcome({ ...stores, input: { ...stores.input, head } }, failed(etag))).toMatchObject({
      status: 'stored',
    });
    expect(stored()?.etag).toBe(etag);
  });

  test('throws a transient error if others store in between every time', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded('"older"'));
    const put = async () => ({ status: 'precondition_failed' }) as const;
    await expect(storeOutcome({ ...stores, output: { ...stores.output, put } }, failed(etag))).rejects.toMatchObject({
      name: 'TransientError',
      code: 'conflict',
    });
  });
});
