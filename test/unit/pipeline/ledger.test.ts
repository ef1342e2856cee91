import { describe, expect, test, vi } from 'vitest';
import { createLedger } from '../../../lib/pipeline/ledger.ts';

const never = new AbortController().signal;

describe('the ledger', () => {
  test('counts a picture once, however often it ends', () => {
    const ledger = createLedger(() => {});
    expect(ledger.begin('a')).toBe(true);
    expect(ledger.begin('a')).toBe(false);
    ledger.end({ end: 'failed', key: 'a', code: 'corrupt_image' });
    ledger.end({ end: 'succeeded', key: 'a' });
    expect(ledger.counts()).toEqual({ succeeded: 0, failed: 1, skipped: 0, pending: 0 });
    expect(ledger.failures()).toEqual({ corrupt_image: 1 });
  });

  test('counts a picture that is given up once, as failed, by its reason', () => {
    const ledger = createLedger(() => {});
    ledger.begin('a');
    ledger.giveUp('a', 'ENOSPC');
    ledger.giveUp('a', 'ENOSPC');
    ledger.giveUp('another', 'ENOSPC');
    expect(ledger.counts()).toMatchObject({ failed: 1, pending: 0 });
    expect([ledger.failures(), ledger.givenUp()]).toEqual([{}, { ENOSPC: 1 }]);
  });

  test('does not count a picture of another run', () => {
    const ledger = createLedger(() => {});
    ledger.end({ end: 'succeeded', key: 'a' });
    expect(ledger.counts()).toEqual({ succeeded: 0, failed: 0, skipped: 0, pending: 0 });
  });

  test('counts current and deleted pictures as skipped', () => {
    const onChange = vi.fn();
    const ledger = createLedger(onChange);
    ledger.skip();
    ledger.begin('a');
    ledger.end({ end: 'gone', key: 'a' });
    expect(ledger.counts()).toEqual({ succeeded: 0, failed: 0, skipped: 2, pending: 0 });
    // Two pictures have ended, and one has begun.
    expect(onChange).toHaveBeenCalledTimes(3);
  });

  test('returns a superseded picture four times, to be sent again', async () => {
    const ledger = createLedger(() => {});
    ledger.begin('a');
    for (let version = 1; version < 5; version++) {
      const taken = ledger.takeChanged(never);
      ledger.end({ end: 'superseded', key: 'a' });
      expect(await taken).toEqual(['a']);
      expect(ledger.counts().pending).toBe(1);
    }
    ledger.end({ end: 'superseded', key: 'a' });
    expect(ledger.counts()).toMatchObject({ skipped: 1, pending: 0 });
  });

  test('is idle when no picture is in progress', async () => {
    const ledger = createLedger(() => {});
    await ledger.idle(never);
    ledger.begin('a');
    let idle = false;
    const waiting = ledger.idle(never).then(() => {
      idle = true;
    });
    await Promise.resolve();
    expect(idle).toBe(false);
    ledger.end({ end: 'succeeded', key: 'a' });
    await waiting;
  });

  test('ends every wait when the signal aborts', async () => {
    const ledger = createLedger(() => {});
    ledger.begin('a');
    const stop = new AbortController();
    const waiting = Promise.all([ledger.idle(stop.signal), ledger.takeChanged(stop.signal)]);
    stop.abort();
    expect(await waiting).toEqual([undefined, []]);
  });
});
