import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTelemetry, type Telemetry } from '../../../functions/telemetry.ts';
import { StorageDeniedError } from '../../../lib/aws/aws-error.ts';
import { metricNames } from '../../../lib/contracts/metrics.ts';
import { PictureError } from '../../../lib/ports/error.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const clock = createVirtualClock();
let printed: Record<string, unknown>[];
let telemetry: Telemetry;

beforeEach(() => {
  printed = [];
  const keep = (text: unknown): boolean => {
    for (const line of String(text).split('\n')) if (line.startsWith('{')) printed.push(JSON.parse(line));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  telemetry = createTelemetry({ service: 'worker', clock });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const message = (receiveCount: number) => ({
  body: 'x'.repeat(10_000),
  receipt: 'receipt',
  receiveCount,
  lastReceive: receiveCount === 5,
  sentAt: new Date(clock.now().getTime() - 1500),
});
/** Metrics printed so far. */
const metrics = (): Record<string, unknown>[] => printed.filter((line) => '_aws' in line);

describe('metrics', () => {
  it('count how pictures ended, by service', () => {
    telemetry.observer.ended({ end: 'succeeded', key: 'a' });
    telemetry.observer.ended({ end: 'succeeded', key: 'b' });
    telemetry.observer.ended({ end: 'gone', key: 'c' });
    telemetry.flush();
    expect(metrics()).toMatchObject([{ service: 'worker', [metricNames.succeeded]: 2, [metricNames.gone]: 1 }]);
  });

  it('count failures by code', () => {
    telemetry.observer.ended({ end: 'failed', key: 'a', code: 'corrupt_image' });
    expect(metrics()).toMatchObject([{ code: 'corrupt_image', [metricNames.failures]: 1 }]);
    telemetry.flush();
    expect(metrics()[1]).toMatchObject({ [metricNames.failed]: 1 });
  });

  it('measure pictures per message, time in the queue, and model time', async () => {
    telemetry.observer.received?.(message(1), 30);
    expect(await telemetry.observer.stages.run('predicting', 'a', async () => 'seen')).toBe('seen');
    telemetry.flush();
    expect(metrics()).toMatchObject([{ [metricNames.batchFill]: 30, [metricNames.queueAge]: 1500 }]);
    expect(metrics()[0]).toHaveProperty(metricNames.modelTime);
  });

  it('are printed once, and not at all if there are none', () => {
    telemetry.count(metricNames.retries);
    telemetry.flush();
    telemetry.flush();
    expect(metrics()).toHaveLength(1);
  });
});

describe('logs', () => {
  it('name pictures that did not succeed', () => {
    telemetry.observer.ended({ end: 'succeeded', key: 'good' });
    telemetry.observer.ended({ end: 'failed', key: 'bad', code: 'corrupt_image' });
    telemetry.observer.caught('odd', new Error('out of memory'));
    const logs = printed.filter((line) => 'level' in line);
    expect(logs).toMatchObject([
      { level: 'INFO', key: 'bad', code: 'corrupt_image' },
      { level: 'ERROR', key: 'odd', error: { message: 'out of memory' } },
    ]);
  });

  it('report retries as warnings with the start of the message, and the last receive as an error', () => {
    telemetry.onError(new PictureError('archived', 'frozen'), message(2));
    telemetry.onError('text', message(5));
    telemetry.onError(new Error('no queue'));
    const logs = printed.filter((line) => 'level' in line);
    expect(logs).toMatchObject([
      { level: 'WARN', code: 'archived', receiveCount: 2, body: 'x'.repeat(500) },
      { level: 'ERROR', error: { message: 'text' }, lastReceive: true },
      { level: 'WARN', error: { message: 'no queue' } },
    ]);
  });
});

describe('a denial of a bucket or its key', () => {
  const denied = new StorageDeniedError('Expected to store "a", received AccessDenied (HTTP 403).', {
    bucket: 'outcomes',
    action: 's3:PutObject',
    cause: new Error('AccessDenied'),
  });
  const alarmed = (): Record<string, unknown>[] => metrics().filter((line) => metricNames.storageDenied in line);

  it('that lasts to the third receive is logged with bucket, action and role, and counted for all processes', () => {
    vi.stubEnv('ROLE_NAME', 'worker-role');
    telemetry = createTelemetry({ service: 'worker', clock });
    vi.unstubAllEnvs();
    telemetry.onError(denied, message(1));
    telemetry.onError(denied, message(2));
    expect(alarmed()).toEqual([]);
    telemetry.onError(denied, message(3));

    expect(alarmed()).toMatchObject([{ service: 'storage', [metricNames.storageDenied]: 1 }]);
    expect(printed.filter(({ level }) => level === 'CRITICAL')).toMatchObject([
      { code: 'storage_denied', bucket: 'outcomes', action: 's3:PutObject', role: 'worker-role' },
    ]);
  });

  it('of single pictures raises no alarm while others make progress', async () => {
    await telemetry.observer.stages.run('publishing', 'b', async () => {});
    telemetry.onError(denied, message(4));
    expect(alarmed()).toEqual([]);

    clock.jump(61_000);
    telemetry.onError(denied, message(4));
    expect(alarmed()).toHaveLength(1);
  });

  it('that keeps the process from starting is counted at once; another error is not', () => {
    telemetry.onUnusable(new Error('another'));
    expect(alarmed()).toEqual([]);
    telemetry.onUnusable(denied);
    expect(alarmed()).toHaveLength(1);
  });
});
