import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { complete } from '../../lib/runtime/complete.ts';
import { openDecoder } from '../../lib/runtime/decode.ts';
import { expectGolden, golden, goldenInputs, goldenJson, goldenNpy } from '../support/golden.ts';

describe.each([
  { model: 'hf16', values: 'hf16' },
  { model: 'oa16', values: 'oa16' },
  { model: 'oa16-hf', values: 'oa16' },
])('$model', ({ model, values }) => {
  test('completes greedily with the same tokens as the reference', async () => {
    const { greedy } = goldenJson(z.object({ greedy: z.array(z.array(z.number())) }), values, 'expected.json');
    const { tokens } = goldenInputs(values);
    const checkpoint = await openCheckpoint(golden(model));
    const completed = await complete(checkpoint, tokens, { keep: 32, samples: 1, temperature: 0 });
    expect([...completed]).toEqual(greedy.flat());
  });

  test.each([0, 1, 32, 63])('gives the golden logits in each step after %d given tokens', async (keep) => {
    const checkpoint = await openCheckpoint(golden(model));
    const { tokens } = goldenInputs(values);
    const { data, shape } = goldenNpy(values, 'logits.npy');
    const [batch, n, colors] = shape as [number, number, number];
    const column = (from: number, to: number) =>
      Int32Array.from(Array.from({ length: batch }, (_, i) => [...tokens.subarray(i * n + from, i * n + to)]).flat());
    const decoder = await openDecoder(checkpoint, { keep, batch });
    let logits = await decoder.prime(column(0, keep));
    for (let place = keep; place < n; place++) {
      expect(decoder.position).toBe(place);
      const expected = Array.from({ length: batch }, (_, i) => [
        ...data.subarray((i * n + place) * colors, (i * n + place + 1) * colors),
      ]).flat();
      expectGolden(logits, expected);
      if (place + 1 < n) logits = await decoder.step(column(place, place + 1));
    }
    await decoder.close();
  });
});
