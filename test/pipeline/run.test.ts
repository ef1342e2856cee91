import { describe, expect, test } from 'vitest';
import { type Progress, runPipeline } from '../../lib/pipeline/run-pipeline.ts';
import type { Stall } from '../../lib/pipeline/stall.ts';
import { InstallationError, TransientError } from '../../lib/ports/error.ts';
import { createFakeModel } from '../support/fake-model.ts';
import { createRunPorts, decoderWith } from './run-ports.ts';

describe('a run', () => {
  test('gives every picture an outcome and an event, and ends with a correct summary', async () => {
    const { put, options, outcome, published } = createRunPorts();
    await put('a.jpg', 'good');
    await put('b/c.jpg', 'bad');
    await put('d.jpg', '');
    const result = await runPipeline(options());
    expect(result).toMatchObject({ seen: 3, succeeded: 1, failed: 2, skipped: 0, interrupted: false });
    expect(result.failures).toEqual({ corrupt_image: 1, empty_object: 1 });
    expect(outcome('a.jpg')).toMatchObject({
      status: 'succeeded',
      image: { format: 'jpeg', width: 8, height: 6, bytes: 4 },
      classification: { label: 'dark', index: 0, top5: [{ label: 'dark' }, { label: 'light' }] },
      // 0.1 as a float32 has nine digits, not seventeen.
      features: { layer: 1, norm: 'next', values: [0.100000001, -2] },
      likelihood: { nats_per_token: 0.5, bits_per_pixel: 0.5 / Math.LN2 },
    });
    expect(outcome('b/c.jpg')).toMatchObject({ status: 'failed', error: { code: 'corrupt_image' } });
    expect(published).toHaveLength(4);
    expect(published.at(-1)).toEqual({ type: 'summary', seen: 3, succeeded: 1, failed: 2, skipped: 0 });
  });

  test('started again processes only what is missing', async () => {
    const { put, options, published } = createRunPorts();
    await put('a.jpg', 'good');
    await put('b.jpg', 'bad');
    await runPipeline(options());
    await put('c.jpg', 'good');
    published.length = 0;
    expect(await runPipeline(options())).toMatchObject({ seen: 3, succeeded: 1, failed: 0, skipped: 2 });
    expect(published).toMatchObject([{ type: 'result', key: 'c.jpg' }, { type: 'summary' }]);
  });

  test('retries failed pictures with retryFailed', async () => {
    const { put, options, outcome } = createRunPorts();
    await put('a.jpg', 'bad');
    await runPipeline(options());
    const decoder = decoderWith(async () => {});
    const repaired = { decode: () => decoder.decode(new TextEncoder().encode('good')) };
    const result = await runPipeline({ ...options(), decoder: repaired, retryFailed: true });
    expect(result).toMatchObject({ seen: 1, succeeded: 1, failed: 0, skipped: 0 });
    expect(outcome('a.jpg')?.status).toBe('succeeded');
  });

  test.each(['decoder', 'model'])('ends when the %s does not start, without an outcome for a picture', async (part) => {
    const { put, options, outcome, published } = createRunPorts();
    for (const key of ['a.jpg', 'b.jpg', 'c.jpg']) await put(key, 'good');
    const error = new InstallationError('not_started', 'Expected it to start.');
    const refuse = () => Promise.reject(error);
    const broken =
      part === 'decoder' ? { decoder: { decode: refuse } } : { model: createFakeModel({ predict: refuse }) };

    await expect(runPipeline({ ...options(), ...broken })).rejects.toBe(error);

    expect(['a.jpg', 'b.jpg', 'c.jpg'].map((key) => outcome(key))).toEqual([undefined, undefined, undefined]);
    expect(published).toMatchObject([{ type: 'summary', succeeded: 0 }]);
    // Once it starts, the next run finishes the pictures.
    expect(await runPipeline(options())).toMatchObject({ seen: 3, succeeded: 3 });
  });

  test('without pictures ends with a summary of zeros', async () => {
    const { options, published } = createRunPorts();
    expect(await runPipeline(options())).toMatchObject({ seen: 0 });
    expect(published).toEqual([{ type: 'summary', seen: 0, succeeded: 0, failed: 0, skipped: 0 }]);
  });

  test('keeps the outcomes of two models apart', async () => {
    const { put, options, outcome } = createRunPorts();
    await put('a.jpg', 'good');
    await runPipeline(options());
    expect(await runPipeline({ ...options(), model: createFakeModel({ id: 'fake-2' }) })).toMatchObject({
      succeeded: 1,
    });
    expect([outcome('a.jpg')?.model, outcome('a.jpg', 'fake-2')?.model]).toEqual(['fake-1', 'fake-2']);
  });

  test('processes the new version of a picture that is overwritten meanwhile', async () => {
    const ports = createRunPorts();
    await ports.put('a.jpg', 'good');
    const decoder = decoderWith(async (text) => {
      if (text === 'good') await ports.put('a.jpg', 'good, but another');
    });
    expect(await runPipeline({ ...ports.options(), decoder })).toMatchObject({ seen: 1, succeeded: 1 });
    expect(ports.outcome('a.jpg')?.etag).toBe((await ports.input.head('a.jpg'))?.etag);
  });

  test('skips a picture that changes faster than it can be processed', async () => {
    const ports = createRunPorts();
    await ports.put('a.jpg', 'good');
    const decoder = decoderWith((text) => ports.put('a.jpg', `${text} again`));
    expect(await runPipeline({ ...ports.options(), decoder })).toMatchObject({ seen: 1, succeeded: 0, skipped: 1 });
  });

  test('counts a picture that is deleted meanwhile as skipped', async () => {
    const ports = createRunPorts();
    await ports.put('a.jpg', 'good');
    await ports.put('b.jpg', 'good');
    const decoder = decoderWith(() => ports.input.delete('b.jpg'));
    const result = await runPipeline({ ...ports.options(), decoder, decoding: 1 });
    expect(result).toMatchObject({ seen: 2, succeeded: 1, failed: 0, skipped: 1 });
  });

  test('tries a picture that breaks the decoder five times, and stores no text of the error', async () => {
    const { put, options, outcome } = createRunPorts();
    await put('a.jpg', 'crash');
    await put('b.jpg', 'good');
    const errors: unknown[] = [];
    const result = await runPipeline({ ...options(), onError: (error) => errors.push(error) });
    expect(result).toMatchObject({ seen: 2, succeeded: 1, failed: 1, failures: { internal_error: 1 } });
    expect(errors).toHaveLength(5);
    expect(JSON.stringify(outcome('a.jpg'))).not.toContain('secret');
  });

  test('fails a picture with numbers that are not finite, while others in its batch succeed', async () => {
    const { put, options, outcome } = createRunPorts();
    await put('a.jpg', 'good');
    await put('b.jpg', `good ${'x'.repeat(200)}`);
    const model = createFakeModel();
    const predict: typeof model.predict = async (tokens) => {
      const prediction = await model.predict(tokens);
      return tokens[0] === 0 ? prediction : { ...prediction, nats: Number.NaN };
    };
    let calls = 0;
    const counted: typeof predict = (tokens) => {
      calls += 1;
      return predict(tokens);
    };
    const result = await runPipeline({ ...options(), model: { ...model, predict: counted } });
    expect(result).toMatchObject({ seen: 2, succeeded: 1, failed: 1 });
    expect(calls, 'not retried: the numbers would be the same').toBe(2);
    expect(outcome('a.jpg')?.status).toBe('succeeded');
    expect(outcome('b.jpg')).toMatchObject({ status: 'failed', error: { code: 'inference_failed' } });
  });

  test('has a bounded number of pictures in progress', async () => {
    const { clock, put, options } = createRunPorts();
    for (let i = 0; i < 300; i++) await put(`${i}.jpg`, 'good');
    const pending: number[] = [];
    let [decoding, predicting, mostDecoding, mostPredicting] = [0, 0, 0, 0];
    const decoder = decoderWith(async () => {
      decoding += 1;
      mostDecoding = Math.max(mostDecoding, decoding);
      await clock.sleep(10);
      decoding -= 1;
    });
    const model = createFakeModel();
    const predict: typeof model.predict = async (tokens) => {
      predicting += 1;
      mostPredicting = Math.max(mostPredicting, predicting);
      await clock.sleep(100);
      predicting -= 1;
      return model.predict(tokens);
    };
    const result = await runPipeline({
      ...options(),
      decoder,
      decoding: 3,
      predicting: 8,
      model: { ...model, predict },
      onProgress: (progress) => pending.push(progress.pending),
    });
    expect(result).toMatchObject({ seen: 300, succeeded: 300 });
    expect(mostDecoding).toBe(3);
    expect(mostPredicting).toBe(8);
    // 16 in the uploads queue and 2 messages of 8 in the tokens queue, including those in flight.
    expect(Math.max(...pending)).toBeLessThanOrEqual(16 + 2 * 8 + 1);
  });
});

describe('an interrupted run', () => {
  test('finishes the pictures in progress, counts them, and leaves the rest to the next run', async () => {
    const ports = createRunPorts();
    for (let i = 0; i < 50; i++) await ports.put(`${i}.jpg`, 'good');
    const interrupt = new AbortController();
    const model = createFakeModel();
    let begun = 0;
    let finished = 0;
    const predict: typeof model.predict = async (tokens) => {
      begun += 1;
      if (begun === 10) interrupt.abort();
      await ports.clock.sleep(1000);
      finished += 1;
      return model.predict(tokens);
    };
    const options = { ...ports.options(), predicting: 4, signal: interrupt.signal };
    const first = await runPipeline({ ...options, model: { ...model, predict } });
    expect(finished).toBe(begun);
    expect(first).toMatchObject({ seen: begun, succeeded: begun, failed: 0, skipped: 0, interrupted: true });
    expect(ports.published.at(-1)).toMatchObject({ type: 'summary', seen: begun });
    const second = await runPipeline(ports.options());
    expect(second).toMatchObject({ seen: 50, succeeded: 50 - begun, skipped: begun, interrupted: false });
  });

  test('does nothing if it is interrupted before it starts', async () => {
    const { put, options } = createRunPorts();
    await put('a.jpg', 'good');
    expect(await runPipeline({ ...options(), signal: AbortSignal.abort() })).toMatchObject({
      seen: 0,
      interrupted: true,
    });
  });
});

describe('a run that cannot continue', () => {
  test('stops when outcomes cannot be stored, and says why', async () => {
    const { put, options, output } = createRunPorts();
    for (let i = 0; i < 100; i++) await put(`${i}.jpg`, 'good');
    let decoded = 0;
    const full = { ...output, put: () => Promise.reject(new Error('the disk is full')) };
    const decoder = decoderWith(async () => {
      decoded += 1;
    });
    await expect(runPipeline({ ...options(), output: full, decoder })).rejects.toMatchObject({
      code: 'cannot_go_on',
      // Ten messages of eight pictures.
      message: expect.stringMatching(/10 messages in a row failed, and 80 pictures have no outcome: the disk is full/),
    });
    expect(decoded).toBeLessThan(100);
  });

  test('skips one picture whose outcome cannot be stored, and tries it again the next time', async () => {
    const { put, options, output, published } = createRunPorts();
    for (let i = 0; i < 30; i++) await put(`${i}.jpg`, 'good');
    const refusing: typeof output.put = (key, ...rest) =>
      key.includes('/7.jpg') ? Promise.reject(new Error('the name is too long')) : output.put(key, ...rest);
    const first = await runPipeline({ ...options(), output: { ...output, put: refusing } });
    expect(first).toMatchObject({ seen: 30, succeeded: 29, failed: 1, failures: {} });
    expect(first.unfinished).toEqual({ 'the name is too long': 1 });
    expect(published.filter((event) => event.type === 'result')).toHaveLength(29);
    expect(await runPipeline(options())).toMatchObject({ seen: 30, succeeded: 1, skipped: 29, unfinished: {} });
  });

  test('stores no failed outcome for pictures whose succeeded outcome is too large to store', async () => {
    const { put, options, output, outcome } = createRunPorts();
    // Messages of eight pictures. The failed outcome of a bad picture is small enough.
    for (let i = 0; i < 20; i++) await put(`${i}.jpg`, i === 7 ? 'bad' : 'good');
    const full: typeof output.put = (key, body, ...rest) =>
      body.length > 400
        ? Promise.reject(
            new TransientError('file_error', 'no', { cause: Object.assign(new Error(), { code: 'EFBIG' }) }),
          )
        : output.put(key, body, ...rest);
    const first = await runPipeline({ ...options(), output: { ...output, put: full } });
    expect(first).toMatchObject({ seen: 20, succeeded: 0, failed: 20, failures: { corrupt_image: 1 } });
    expect(first.unfinished).toEqual({ EFBIG: 19 });
    expect([...output.objects.keys()]).toEqual(['results/fake-1/7.jpg.json']);
    expect(await runPipeline(options())).toMatchObject({ seen: 20, succeeded: 19, skipped: 1, unfinished: {} });
    expect(outcome('0.jpg')?.status).toBe('succeeded');
  });

  test('continues without pictures that cannot be read, also if there are many', async () => {
    const { put, options, input, output } = createRunPorts();
    for (let i = 100; i < 150; i++) await put(`${i}.jpg`, 'good');
    const get: typeof input.get = (key, ...rest) =>
      key < '140' ? Promise.reject(new TransientError('EIO', 'a bad sector')) : input.get(key, ...rest);
    const first = await runPipeline({ ...options(), input: { ...input, get } });
    expect(first).toMatchObject({ seen: 50, succeeded: 10, failed: 40, failures: {}, unfinished: { EIO: 40 } });
    expect(output.objects.size).toBe(10);
    expect(await runPipeline(options())).toMatchObject({ seen: 50, succeeded: 40, skipped: 10 });
  });

  test('stops when the input cannot be listed', async () => {
    const { options, input, published } = createRunPorts();
    const list = async function* () {
      yield* [];
      throw new Error('unplugged');
    };
    await expect(runPipeline({ ...options(), input: { ...input, list } })).rejects.toThrow('unplugged');
    expect(published).toMatchObject([{ type: 'summary', seen: 0 }]);
  });
});

describe('a run reports', () => {
  test('its progress', async () => {
    const { put, options } = createRunPorts();
    for (let i = 0; i < 5; i++) await put(`${i}.jpg`, i === 0 ? 'bad' : 'good');
    const reports: Progress[] = [];
    await runPipeline({ ...options(), onProgress: (progress) => reports.push(progress) });
    expect(reports.at(-1)).toEqual({ succeeded: 4, failed: 1, skipped: 0, pending: 0, total: 5 });
  });

  test('what it waits for when no picture finishes for a minute', async () => {
    const { put, options, clock } = createRunPorts();
    await put('slow.jpg', 'good');
    await put('slow too.jpg', 'good');
    const model = createFakeModel();
    const predict: typeof model.predict = async (tokens) => {
      await clock.sleep(150_000);
      return model.predict(tokens);
    };
    const stalls: Stall[] = [];
    await runPipeline({ ...options(), model: { ...model, predict }, onStall: (stall) => stalls.push(stall) });
    expect(stalls).toHaveLength(2);
    expect(stalls[0]?.stalledMs).toBeGreaterThanOrEqual(60_000);
    expect(stalls[0]?.waitingFor).toMatchObject([{ stage: 'predicting', pictures: 2, oldest: 'slow too.jpg' }]);
    expect(stalls[1]?.stalledMs).toBeGreaterThanOrEqual(120_000);
  });
});
