import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';
import { digest } from './digest.ts';

test('at the width and length of S, threads and repeated executions change no bit', async () => {
  await using checkpoint = await tinyCheckpoint({ n_embd: 512, n_head: 8, size: 32, n_colors: 512, classes: 1000 });
  const model = await openCheckpoint(checkpoint.directory);
  const tokens = randomTokens(1, 1024, 512);
  const request = {
    features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
    classes: true,
    likelihood: true,
    logits: true,
  } as const;
  let first: unknown;
  for (const threads of [1, 2, 4]) {
    const forward = await openForward(model, request, { threads });
    expect(forward.threads).toBe(threads);
    for (let i = 0; i < 20; i++) {
      const outputs = [...(await forward.execute(tokens))].map(([name, { data }]) => [name, digest(data)]);
      first ??= outputs;
      expect(outputs).toEqual(first);
    }
    await forward.close();
  }
});
