import { describe, expect, test } from 'vitest';
import { createLiveReport } from '../../../lib/report/live-report.ts';
import { reportRowAt } from '../../support/report-rows.ts';

describe('a live report', () => {
  test('returns the rows newer than a revision, a changed row once and last', () => {
    const live = createLiveReport();
    const [a, b, c] = [0, 1, 2].map((i) => reportRowAt(i));
    if (a === undefined || b === undefined || c === undefined) return;
    live.put(a);
    live.put(b);
    const first = live.rowsAfter(0, 10);
    expect(first.rows).toEqual([a, b]);
    const changed = { ...a, nats: 9 };
    live.put(changed);
    live.put(c);
    expect(live.rowsAfter(first.revision, 10).rows).toEqual([changed, c]);
    expect(live.rowsAfter(0, 10).rows).toEqual([b, changed, c]);
    expect(live.rows()).toHaveLength(3);
  });

  test('returns many rows in consecutive parts', () => {
    const live = createLiveReport();
    for (let i = 0; i < 5; i++) live.put(reportRowAt(i));
    const keys: string[] = [];
    for (let next = live.rowsAfter(0, 2); next.rows.length > 0; next = live.rowsAfter(next.revision, 2)) {
      expect(next.rows.length).toBeLessThanOrEqual(2);
      keys.push(...next.rows.map(({ key }) => key));
    }
    expect(keys).toEqual([0, 1, 2, 3, 4].map((i) => `folder/picture ${i}.jpg`));
  });

  test('counts a picture once, by its newest row', () => {
    const live = createLiveReport();
    // Picture 6 failed; then it was replaced, and became like picture 0: a cat, 1 nat.
    live.put(reportRowAt(6));
    expect(live.totals()).toMatchObject({ pictures: 1, failed: 1, nats: null, failures: [['corrupt_image', 1]] });
    live.put(reportRowAt(0, { key: reportRowAt(6).key }));
    expect(live.totals()).toEqual({
      ...{ pictures: 1, succeeded: 1, failed: 0, nats: 1, labels: [['cat', 1]], failures: [] },
    });
  });

  test('beyond its limit counts rows without listing them, except awaited ones', () => {
    const live = createLiveReport({ limit: 2 });
    for (let i = 0; i < 4; i++) live.put(reportRowAt(i));
    expect(live.hasRoom(reportRowAt(0).key)).toBe(true);
    expect(live.hasRoom(reportRowAt(3).key)).toBe(false);
    live.put(reportRowAt(4), { always: true });
    // A row that is only counted may change too.
    live.put(reportRowAt(3, { classes: [{ label: 'fox', probability: 1 }] }));
    expect(live.rows().map(({ key }) => key)).toEqual([0, 1, 4].map((i) => `folder/picture ${i}.jpg`));
    expect(live.totals()).toMatchObject({
      pictures: 5,
      labels: [
        ['cat', 2],
        ['dog', 1],
        ['fox', 1],
        ['ship', 1],
      ],
    });
  });

  test('wakes waiters for a change, but not for equal progress', async () => {
    const live = createLiveReport();
    const { signal } = new AbortController();
    const before = live.version();
    live.setProgress({ done: 0, total: null });
    expect(live.version()).toBe(before);
    const waits = live.changedSince(before, signal);
    live.setProgress({ done: 1, total: 2 });
    await waits;
    // Returns at once when the version has changed already.
    await live.changedSince(before, signal);
    const stop = new AbortController();
    const never = live.changedSince(live.version(), stop.signal);
    stop.abort();
    await never;
  });
});
