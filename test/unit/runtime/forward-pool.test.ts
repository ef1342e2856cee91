import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { openForwardPool } from '../../../lib/runtime/forward-pool.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

it('gives in several threads the same bits as a single session', async () => {
  await using tiny = await tinyCheckpoint();
  const checkpoint = await openCheckpoint(tiny.directory);
  const request = { classes: true, likelihood: true, features: { layers: [0, 1], norm: 'raw', pool: 'mean' } } as const;
  const tokens = randomTokens(1, 5 * 16, 8);
  const single = await openForward(checkpoint, request);
  const expected = await single.execute(tokens);
  await single.close();

  const pool = await openForwardPool(checkpoint, request, { threads: 2 });
  const [first, second] = await Promise.all([
    pool.execute({ tokens: tokens.slice(0, 32) }),
    pool.execute({ tokens: tokens.slice(32) }),
  ]);
  await pool.close();

  for (const [name, { data }] of expected) {
    expect([...(first.get(name)?.data ?? []), ...(second.get(name)?.data ?? [])], name).toEqual([...data]);
  }
});

it('passes masks to a BERT model', async () => {
  await using tiny = await tinyCheckpoint({ objective: 'bert' });
  const checkpoint = await openCheckpoint(tiny.directory);
  const pool = await openForwardPool(checkpoint, { classes: true }, { threads: 1 });
  const tokens = randomTokens(1, 16, 8);
  const seen = await pool.execute({ tokens });
  const hidden = await pool.execute({ tokens, mask: new Uint8Array(16).fill(1) });
  await pool.close();

  expect(hidden.get('classes')?.data).not.toEqual(seen.get('classes')?.data);
});

it('rejects with the code of the error in the thread', async () => {
  await using tiny = await tinyCheckpoint({ classes: 0 });
  const checkpoint = await openCheckpoint(tiny.directory);

  await expect(openForwardPool(checkpoint, { classes: true }, { threads: 1 })).rejects.toMatchObject({
    code: 'output_unavailable',
  });
});
