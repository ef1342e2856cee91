import { describe, expect, test } from 'vitest';
import { type Outcome, parseOutcome } from '../../../lib/contracts/outcome.ts';
import { storeOutcome } from '../../../lib/pipeline/store-outcome.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const file = 'results/fake-1/a.jpg.json';

function failed(etag: string, code: 'corrupt_image' | 'internal_error' = 'corrupt_image'): Outcome {
  return {
    ...{
      schema_version: 1,
      status: 'failed',
      key: 'a.jpg',
      etag,
      model: 'fake-1',
      created_at: '2026-01-01T00:00:00.000Z',
    },
    error: { code, message: 'no' },
  };
}

function succeeded(etag: string): Outcome {
  return {
    ...{
      schema_version: 1,
      status: 'succeeded',
      key: 'a.jpg',
      etag,
      model: 'fake-1',
      created_at: '2026-01-01T00:00:00.000Z',
    },
    image: { format: 'jpeg', width: 1, height: 1, bytes: 1 },
    ...{ classification: null, features: null, likelihood: null, provider: 'cpu', precision: 'f32', onnxruntime: '1' },
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
  test('creates the first one', async () => {
    const { stored, etag, ...stores } = await setUp();
    expect(await storeOutcome(stores, failed(etag))).toEqual({
      status: 'stored',
      outcome: failed(etag),
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect(stored()).toEqual(failed(etag));
  });

  test('replaces that of an older version', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded('"older"'));
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ status: 'stored' });
    expect(stored()?.etag).toBe(etag);
  });

  test('leaves that of a newer version', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    expect(await storeOutcome(stores, succeeded('"older"'))).toEqual({ status: 'superseded' });
    expect(stored()?.etag).toBe(etag);
  });

  test('leaves what is there when the picture is gone', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    await stores.input.delete('a.jpg');
    expect(await storeOutcome(stores, succeeded('"other"'))).toEqual({ status: 'gone' });
  });

  test('for the same version lets a result take the place of a failure, and never a failure that of a result', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, failed(etag));
    expect(await storeOutcome(stores, succeeded(etag))).toMatchObject({ outcome: { status: 'succeeded' } });
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ outcome: { status: 'succeeded' } });
    expect(stored()?.status).toBe('succeeded');
  });

  test('for the same version writes again, so that whoever read it before cannot replace it', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded(etag));
    const before = (await stores.output.head(file))?.etag;
    await storeOutcome(stores, succeeded(etag));
    expect((await stores.output.head(file))?.etag).not.toBe(before);
    // A millisecond later than the one before, though both were made at the same time.
    expect(stored()?.created_at).toBe('2026-01-01T00:00:00.001Z');
  });

  test('replaces what is no outcome', async () => {
    const { stored, etag, ...stores } = await setUp();
    await stores.output.put(file, new TextEncoder().encode('{"status":'));
    expect(await storeOutcome(stores, failed(etag))).toMatchObject({ status: 'stored' });
    expect(stored()).toEqual(failed(etag));
  });

  test('looks again when somebody else stores in between', async () => {
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

  test('gives up for now when others store each time', async () => {
    const { stored, etag, ...stores } = await setUp();
    await storeOutcome(stores, succeeded('"older"'));
    const put = async () => ({ status: 'precondition_failed' }) as const;
    await expect(storeOutcome({ ...stores, output: { ...stores.output, put } }, failed(etag))).rejects.toMatchObject({
      name: 'TransientError',
      code: 'conflict',
    });
  });
});
