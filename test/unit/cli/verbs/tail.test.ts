import { describe, expect, it } from 'vitest';
import { eventLine } from '../../../../lib/cli/verbs/tail.ts';

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
