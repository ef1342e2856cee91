import { describe, expect, test } from 'vitest';
import { jobSummary, shardRecord } from '../../../lib/contracts/job.ts';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { retryJob } from '../../../lib/jobs/retry-job.ts';
import { runShards } from '../../../lib/jobs/run-shards.ts';
import { AccessDeniedError, PictureError, TransientError } from '../../../lib/ports/error.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';
import { createFakeModel } from '../../support/fake-model.ts';
import { createJobWorld, fakeSettings, outputOf, tenPictures } from '../../support/job-world.ts';
import type { MemoryObjectStore } from '../../support/memory-object-store.ts';
import { seededRandom } from '../../support/seeded-random.ts';

async function rowsOf(store: MemoryObjectStore, key: string) {
  const body = store.objects.get(key)?.body;
  return body === undefined ? undefined : parquetShards.open(body).read();
}

const unreadable = 'p2.jpg';

describe('a job', () => {
  test('writes one row for each picture, in the order of the listing, in shards of equal size', async () => {
    const world = await tenPictures();
    const { summary, pictures } = await world.run();
    expect(pictures).toBe(10);
    expect([...world.output.objects.keys()].filter((key) => key.startsWith('part-'))).toEqual(
      expect.arrayContaining(['part-00000.parquet', 'part-00001.parquet', 'part-00002.parquet']),
    );
    const rows = [
      ...((await rowsOf(world.output, 'part-00000.parquet')) ?? []),
      ...((await rowsOf(world.output, 'part-00001.parquet')) ?? []),
      ...((await rowsOf(world.output, 'part-00002.parquet')) ?? []),
    ];
    expect(rows.map(({ key }) => key)).toEqual(Array.from({ length: 10 }, (_, i) => `p${i}.jpg`));
    expect(rows[0]).toMatchObject({ width: 8, height: 6, nats_per_token: 0.5, error_code: null });
    expect(rows[0]?.etag).toBe(world.input.objects.get('p0.jpg')?.object.etag);
    expect(rows[0]?.top5?.map(({ label }) => label)).toEqual(['dark', 'light']);
    expect(rows[0]?.label).toBe('dark');
    expect(rows[0]?.features).toEqual(Float32Array.of(0.1, -2));
    expect(rows[7]).toMatchObject({ error_code: 'corrupt_image', label: null, features: null });
    expect(summary).toMatchObject({ pictures: 10, succeeded: 9, failed: 1, failures: { corrupt_image: 1 } });
  });

  test('writes a summary, records with checksums, and _SUCCESS at the end', async () => {
    const world = await tenPictures();
    const { summary } = await world.run({ usdPerHour: 3600 });
    expect(jobSummary.parse(JSON.parse(world.output.text('_summary.json') ?? ''))).toEqual(summary);
    expect(world.output.text('_SUCCESS')).toBe('');
    const record = shardRecord.parse(JSON.parse(world.output.text('_shards/00001.json') ?? ''));
    expect(record).toMatchObject({ rows: 4, succeeded: 3, failed: 1, failures: { corrupt_image: 1 } });
    expect(record.bytes).toBe(world.output.objects.get('part-00001.parquet')?.body.length);
    expect(summary?.last_run.cost_usd).toBe(summary?.last_run.seconds);
  });

  test('does nothing when it is run again, and makes a deleted shard again', async () => {
    const world = await tenPictures();
    await world.run();
    const whole = outputOf(world.output);
    expect(await world.run()).toMatchObject({ pictures: 0, summary: { pictures: 10 } });
    await world.output.delete('part-00001.parquet');
    expect(await world.run()).toMatchObject({ pictures: 4, summary: { pictures: 10, succeeded: 9 } });
    expect(outputOf(world.output)).toEqual(whole);
  });

  test('follows its manifest: later pictures are left out, changed and deleted ones have an error', async () => {
    const world = await tenPictures();
    const options = await world.options();
    await world.put('new.jpg', 'good');
    await world.put('p1.jpg', 'good but another');
    await world.input.delete('p2.jpg');
    const { summary } = await runShards(options);
    expect(summary).toMatchObject({ pictures: 10, failures: { changed: 1, not_found: 1, corrupt_image: 1 } });
  });

  test('finds a file that is no shard before it makes other shards', async () => {
    const world = await tenPictures();
    const options = await world.options();
    await world.output.put('part-00002.parquet', new Uint8Array(1));
    await expect(runShards(options)).rejects.toMatchObject({ code: 'shard_damaged' });
    expect(world.output.objects.has('part-00000.parquet')).toBe(false);
  });

  test('makes a damaged summary again; names a damaged record and what to do', async () => {
    const world = await tenPictures();
    await world.run();
    await world.output.put('_summary.json', new TextEncoder().encode('{'));
    expect(await world.run()).toMatchObject({ pictures: 0, summary: { succeeded: 9 } });
    expect(jobSummary.parse(JSON.parse(world.output.text('_summary.json') ?? '')).succeeded).toBe(9);
    await world.output.put('_shards/00001.json', new TextEncoder().encode('{'));
    await world.output.delete('_SUCCESS');
    await expect(world.run()).rejects.toThrow(
      'Expected part-00001.parquet whole, but its record _shards/00001.json cannot be read: remove it with igpt batch verify --remove',
    );
  });
});

describe('failures', () => {
  test('stop the job early when they are too many, and no shard is stored', async () => {
    const world = createJobWorld({ ...fakeSettings, shard_size: 1000 });
    for (let i = 0; i < 400; i += 1) await world.put(`p${i}.jpg`, i % 3 === 0 ? 'good' : 'bad');
    await expect(world.run({ maxFailureRate: 0.6 })).rejects.toThrow(
      /^Expected at most 60 % of the pictures to fail, but \d+ of the first 10\d did \(corrupt_image \d+\)/,
    );
    expect(world.output.objects.has('part-00000.parquet')).toBe(false);
    await expect(world.run({ maxFailureRate: 0.7 })).resolves.toMatchObject({ summary: { failed: 266 } });
  });

  test('are counted over all runs: a stopped job gets no further when it is run again', async () => {
    const world = createJobWorld({ ...fakeSettings, shard_size: 10 });
    for (let i = 100; i < 300; i += 1) await world.put(`p${i}.jpg`, 'bad');
    await expect(world.run()).rejects.toMatchObject({ code: 'too_many_failures' });
    const shards = () => [...world.output.objects.keys()].filter((key) => key.startsWith('part-')).length;
    const before = shards();
    expect(before).toBeGreaterThan(0);
    await expect(world.run()).rejects.toThrow(/but (\d+) of the first \1 did \(corrupt_image \1\)/);
    expect(shards()).toBeLessThanOrEqual(before + 2);
  });

  test('of the model become a row after five attempts; other pictures are not affected', async () => {
    const world = await tenPictures();
    const model = createFakeModel();
    const predict = model.predict;
    let thrown = 0;
    const { summary } = await world.run({
      predicting: 1,
      model: {
        ...model,
        async predict(tokens) {
          if (thrown < 5) {
            thrown += 1;
            throw new TransientError('worker_died', 'Expected a thread, but it ended.');
          }
          return predict(tokens);
        },
      },
    });
    expect(summary).toMatchObject({ failures: { corrupt_image: 1, inference_failed: 1 } });
  });

  test('of a broken decoder stop the job instead of filling shards', async () => {
    const world = createJobWorld({ ...fakeSettings, shard_size: 50 });
    for (let i = 0; i < 50; i += 1) await world.put(`p${i}.jpg`, 'good');
    const decode = () => Promise.reject(new TransientError('decoder_busy', 'Expected a decoder, none was free.'));
    await expect(world.run({ decoder: { decode } })).rejects.toMatchObject({ code: 'cannot_go_on' });
    expect(world.output.objects.has('part-00000.parquet')).toBe(false);
  });

  test('include outputs that are not finite', async () => {
    const world = await tenPictures();
    const predict = async () => ({ features: Float32Array.of(1, Number.NaN) });
    const { summary } = await world.run({ model: createFakeModel({ predict }), maxFailureRate: 1 });
    expect(summary?.failures).toEqual({ corrupt_image: 1, inference_failed: 9 });
  });

  test('to read one picture stop the job, and its shard is stored once it can be read again', async () => {
    const world = await tenPictures();
    let attempts = 0;
    const input: ObjectStore = {
      ...world.input,
      get(key, ...rest) {
        if (key !== unreadable) return world.input.get(key, ...rest);
        attempts += 1;
        return Promise.reject(new TransientError('store_away', 'Expected an answer, none came.'));
      },
    };
    await expect(world.run({ input })).rejects.toMatchObject({
      code: 'cannot_go_on',
      message: expect.stringContaining('but 5 attempts failed: Expected an answer, none came.'),
    });
    expect(attempts).toBe(5);
    expect(world.output.objects.has('part-00000.parquet')).toBe(false);
    expect(await world.run()).toMatchObject({ summary: { failures: { corrupt_image: 1 } } });
  });

  test('of access to a picture become a row', async () => {
    const world = await tenPictures();
    const get: ObjectStore['get'] = (key, ...rest) =>
      key === unreadable
        ? Promise.reject(new PictureError('access_denied', 'Expected a picture that may be read.'))
        : world.input.get(key, ...rest);
    const { summary } = await world.run({ input: { ...world.input, get } });
    expect(summary).toMatchObject({ failures: { access_denied: 1, corrupt_image: 1 } });
  });

  test('of access that may be granted become a row after five attempts; so the job ends, and a retry reads it', async () => {
    const world = await tenPictures();
    const errors: unknown[] = [];
    const denied = new AccessDeniedError('aws_denied', 'Expected to read it, received AccessDenied (HTTP 403).');
    const get: ObjectStore['get'] = (key, ...rest) =>
      key === unreadable ? Promise.reject(denied) : world.input.get(key, ...rest);
    const { summary } = await world.run({
      input: { ...world.input, get },
      onError: (error: unknown) => errors.push(error),
    });
    expect(summary).toMatchObject({ failures: { access_denied: 1, corrupt_image: 1 } });
    expect(errors).toEqual(Array(5).fill(denied));

    const retried = await retryJob({ ...(await world.options()), codes: new Set(['access_denied']) });
    expect(retried).toMatchObject({ pictures: 1, succeeded: 1, summary: { failures: { corrupt_image: 1 } } });
  });
});

describe('a killed or interrupted run', () => {
  /** An output that fails for good after `writes` writes. The failing write is stored if `effect` is true. */
  function cutOff(store: ObjectStore, writes: number, effect: boolean): ObjectStore {
    let left = writes;
    const gone = new Error('killed');
    return {
      ...store,
      get: (...args) => (left < 0 ? Promise.reject(gone) : store.get(...args)),
      async put(...args) {
        left -= 1;
        if (left < 0) {
          if (effect && left === -1) await store.put(...args);
          throw gone;
        }
        return store.put(...args);
      },
      async delete(...args) {
        left -= 1;
        if (left < 0) throw gone;
        return store.delete(...args);
      },
    };
  }

  test('ends with the same bytes when it is killed after any write and run again', async () => {
    const whole = await tenPictures();
    await whole.run();
    const expected = outputOf(whole.output);
    for (let writes = 0; writes < 16; writes += 1) {
      for (const effect of [false, true]) {
        const world = await tenPictures();
        await world.run({ output: cutOff(world.output, writes, effect) }).catch(() => {});
        await world.run({ output: cutOff(world.output, writes + 1, !effect) }).catch(() => {});
        await world.run();
        expect(outputOf(world.output), `killed after ${writes} writes`).toEqual(expected);
      }
    }
  });

  test('drops incomplete shards and returns no summary when it is interrupted', async () => {
    const world = await tenPictures();
    const stop = new AbortController();
    const result = await world.run({
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 5) stop.abort();
      },
    });
    expect(result.summary).toBeUndefined();
    expect(world.output.objects.has('_SUCCESS')).toBe(false);
    const { summary } = await world.run();
    expect(summary?.pictures).toBe(10);
  });
});

describe('several runs at once', () => {
  test('write no shard twice, and give the output of one run', async () => {
    const one = await tenPictures();
    await one.run();
    const random = seededRandom(7);
    const world = await tenPictures();
    const stored: string[] = [];
    const slow: ObjectStore = {
      ...world.output,
      async put(key, body, condition) {
        await world.clock.sleep(Math.floor(random() * 50));
        const result = await world.output.put(key, body, condition);
        if (result.status === 'stored' && key.startsWith('part-')) stored.push(key);
        return result;
      },
    };
    const results = await Promise.all([0, 0.3, 0.6].map((start) => world.run({ output: slow, start })));
    expect(results.map(({ summary }) => summary?.pictures)).toEqual([10, 10, 10]);
    expect(stored.toSorted()).toEqual(['part-00000.parquet', 'part-00001.parquet', 'part-00002.parquet']);
    expect(outputOf(world.output)).toEqual(outputOf(one.output));
  });
});
