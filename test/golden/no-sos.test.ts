import { expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { hasKnownLogits, logitsWithoutSos } from '../../lib/runtime/known-logits.ts';
import { golden, goldenInputs, goldenNpy } from '../support/golden.ts';

test('without SOS, the logits equal those of transformers for the plain tokens', async () => {
  const model = await openCheckpoint(golden('hf16'));
  const { tokens } = goldenInputs('hf16');
  const { data } = goldenNpy('hf16', 'logits_no_sos.npy'); // [3, 64, 16]
  for (const picture of [0, 1, 2]) {
    const own = Uint16Array.from(tokens.subarray(picture * 64, (picture + 1) * 64));
    const logits = await logitsWithoutSos(model, own);
    for (const [position, row] of logits.entries()) {
      for (const [color, logit] of row.entries()) {
        expect(logit).toBeCloseTo(Number(data[(picture * 64 + position) * 16 + color]), 4);
      }
    }
  }
});

test('logits are known only for the shape of imagegpt-small', async () => {
  const model = await openCheckpoint(golden('hf16'));
  expect(hasKnownLogits(model)).toBe(false);
  const small = { n_embd: 512, n_layer: 24, n_head: 8, n_colors: 512, n_positions: 1024 };
  expect(hasKnownLogits({ ...model, config: { ...model.config, ...small } })).toBe(true);
});
