import { describe, expect, it } from 'vitest';
import { eventLine } from '../../../lib/cli/verbs/tail.ts';
import { eventFilter, isChosen } from '../../../lib/operate/event-tap.ts';

describe('a choice of events', () => {
  it('of nothing is no filter', () => {
    expect(eventFilter({})).toBeUndefined();
  });

  it('is a policy on the attributes: any of the labels, and every other condition', () => {
    expect(eventFilter({ status: 'succeeded', label: ['ship', 'truck'], model: 'nano-1' })).toEqual({
      scope: 'MessageAttributes',
      policy: { status: ['succeeded'], label: ['ship', 'truck'], model: ['nano-1'] },
    });
  });
});

describe('an event that came past the policy', () => {
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
  ])('%j is looked at again by %j: %s', (event, choice, chosen) => {
    expect(isChosen(event, choice)).toBe(chosen);
  });
});

describe('an event on a terminal', () => {
  const about = { type: 'result', etag: 'e', model: 'm-1', result_key: 'r', key: 'a\u001b[31m.jpg' } as const;
  const at = new Date(2026, 0, 1, 20, 15, 3);

  it.each([
    [{ ...about, status: 'succeeded', label: 'ship', probability: 0.529 } as const, 'ship 52.9 %'],
    [{ ...about, status: 'succeeded', label: null, probability: null } as const, 'succeeded'],
    [{ ...about, status: 'failed', error: { code: 'corrupt_image', message: 'no' } } as const, 'failed: corrupt_image'],
  ])('is one line without control characters: %j', (event, came) => {
    expect(eventLine(event, at)).toBe(`20:15:03  ${came.padEnd(24)}  a\\u001b[31m.jpg`);
  });
});
