import { describe, expect, it } from 'vitest';
import { eventFilter, isChosen } from '../../../lib/operate/event-tap.ts';

describe('a choice of events', () => {
  it('without conditions has no filter', () => {
    expect(eventFilter({})).toBeUndefined();
  });

  it('becomes a policy on the attributes: any of the labels, and every other condition', () => {
    expect(eventFilter({ status: 'succeeded', label: ['ship', 'truck'], model: 'nano-1' })).toEqual({
      scope: 'MessageAttributes',
      policy: { status: ['succeeded'], label: ['ship', 'truck'], model: ['nano-1'] },
    });
  });
});

describe('an event that passed an older policy', () => {
  const about = { type: 'result', key: 'a.jpg', etag: 'e', model: 'm-1', result_key: 'r' } as const;
  const ship = { ...about, status: 'succeeded', label: 'ship', probability: 0.5 } as const;
  const failed = { ...about, status: 'failed', error: { code: 'archived', message: 'no' } } as const;

  it.each([
    [ship, {}, true],
    [ship, { label: ['truck', 'ship'], status: 'succeeded', model: 'm-1' } as const, true],
    [ship, { label: ['truck'] }, false],
    [ship, { model: 'm-2' }, false],
    [failed, { status: 'failed' } as const, true],
    [failed, { label: ['ship'] }, false],
  ])('%j is checked again against %j: %s', (event, choice, chosen) => {
    expect(isChosen(event, choice)).toBe(chosen);
  });
});
