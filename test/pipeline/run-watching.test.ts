import { describe, expect, test } from 'vitest';
import { runPipeline } from '../../lib/pipeline/run-pipeline.ts';
import type { Stall } from '../../lib/pipeline/stall.ts';
import { createRunPorts, decoderWith } from './run-ports.ts';

describe('a run that watches its input', () => {
  /** Changes that a test fires, one at a time. */
  function createChanges() {
    let fire = Promise.withResolvers<boolean>();
    return {
      fire: () => fire.resolve(true),
      end: () => fire.resolve(false),
      async *changes() {
        while (await fire.promise) {
          fire = Promise.withResolvers();
          yield;
        }
      },
    };
  }

  test('processes new and changed pictures, once each, until it is interrupted', async () => {
    const ports = createRunPorts();
    const stop = new AbortController();
    const { fire, changes } = createChanges();
    await ports.put('a.jpg', 'good');
    await ports.put('b.jpg', 'bad');
    await ports.clock.sleep(10_000);
    const running = runPipeline({ ...ports.options(), changes: changes(), retryFailed: true, signal: stop.signal });
    await ports.clock.sleep(10_000);
    expect(ports.published).toHaveLength(2);
    await ports.put('a.jpg', 'good, changed');
    await ports.put('c.jpg', 'good');
    fire();
    await ports.clock.sleep(10_000);
    const since = ports.published.slice(2).map((event) => event.type === 'result' && event.key);
    expect(since.sort()).toEqual(['a.jpg', 'c.jpg']);
    stop.abort();
    expect(await running).toMatchObject({ seen: 4, succeeded: 3, failed: 1, skipped: 0, interrupted: true });
  });

  test('defers a picture that is still being written', async () => {
    const ports = createRunPorts();
    const { changes, end } = createChanges();
    const start = ports.clock.now().getTime();
    await ports.put('a.jpg', 'bad, because it is half written');
    await ports.clock.sleep(500);
    const decoded: number[] = [];
    const decoder = decoderWith(async () => void decoded.push(ports.clock.now().getTime() - start));
    const running = runPipeline({ ...ports.options(), decoder, changes: changes() });
    // The passes are at 500 ms, 1500 ms and 2500 ms.
    await ports.clock.sleep(700);
    await ports.put('a.jpg', 'good');
    await ports.clock.sleep(20_000);
    end();
    expect(await running).toMatchObject({ seen: 1, succeeded: 1, interrupted: false });
    expect(decoded).toEqual([expect.any(Number)]);
    expect(decoded[0]).toBeGreaterThanOrEqual(2200);
  });

  test('processes urgent pictures before the listing reaches them, and counts each once', async () => {
    const ports = createRunPorts();
    const stop = new AbortController();
    const { changes } = createChanges();
    const many = Array.from({ length: 300 }, (_, i) => `a${String(i).padStart(3, '0')}.jpg`);
    for (const key of many) await ports.put(key, 'good');
    async function* urgent() {
      await ports.clock.sleep(2500);
      await ports.put('z/dropped.jpg', 'good');
      yield 'z/dropped.jpg';
      // The same picture is dropped twice.
      yield 'z/dropped.jpg';
    }
    // One at a time, one second each: not urgent, it would be the 301st.
    const decoder = decoderWith(() => ports.clock.sleep(1000));
    const running = runPipeline({
      ...ports.options(),
      decoder,
      decoding: 1,
      changes: changes(),
      urgent: urgent(),
      signal: stop.signal,
    });
    await ports.clock.sleep(200_000);
    const keys = () => ports.published.map((event) => (event.type === 'result' ? event.key : ''));
    expect(keys()).toContain('z/dropped.jpg');
    expect(keys().length).toBeLessThan(200);
    await ports.clock.sleep(200_000);
    expect(keys().toSorted()).toEqual([...many, 'z/dropped.jpg']);
    stop.abort();
    expect(await running).toMatchObject({ seen: 301, succeeded: 301, skipped: 0 });
  });

  test('reports no stall when there is nothing to do', async () => {
    const ports = createRunPorts();
    const { changes, end, fire } = createChanges();
    const stalls: Stall[] = [];
    const decoder = decoderWith(() => ports.clock.sleep(30_000));
    const onStall = (stall: Stall) => void stalls.push(stall);
    const running = runPipeline({ ...ports.options(), decoder, changes: changes(), onStall });
    await ports.clock.sleep(170_000);
    await ports.put('a.jpg', 'good');
    await ports.clock.sleep(8000);
    // No picture has finished for almost a minute, but this one has waited for only eight seconds.
    fire();
    await ports.clock.sleep(600_000);
    end();
    expect(await running).toMatchObject({ seen: 1, succeeded: 1 });
    expect(stalls).toEqual([]);
  });
});
