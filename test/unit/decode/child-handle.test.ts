import { describe, expect, it } from 'vitest';
import { answerHead } from '../../../lib/decode/child-handle.ts';

describe('answerHead', () => {
  it('accepts a size or a failure with a known code, and nothing else', () => {
    expect(answerHead.safeParse({ format: 'png', width: 3, height: 2 }).success).toBe(true);
    expect(answerHead.safeParse({ code: 'corrupt_image', message: 'cut off' }).success).toBe(true);
    expect(answerHead.safeParse({ code: 'all_good', message: '' }).success).toBe(false);
    expect(answerHead.safeParse({ format: 'png', width: 3, height: 2, __proto__: 1, more: 1 }).success).toBe(false);
    expect(answerHead.safeParse({ format: 'png', width: 0, height: 2 }).success).toBe(false);
  });
});
