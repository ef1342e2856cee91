import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest, ImageGptModel } from '../../../lib/graph/forward-graph.ts';
import { complete } from '../../../lib/runtime/complete.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';
import { digest } from './digest.ts';

const shape = { n_embd: 128, n_head: 2, size: 18, n_colors: 100, classes: 7 };
const request: ForwardRequest = {
  features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
  classes: true,
  likelihood: true,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'derived-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(['int8', 'int8-block'] as const)('bit for bit, %s', (precision) => {
  let model: ImageGptModel;
  const n = shape.size ** 2;
  const pictures = Array.from({ length: 4 }, (_, seed) => randomTokens(seed, n, shape.n_colors));

  beforeAll(async () => {
    await using checkpoint = await tinyCheckpoint(shape);
    model = (await inPrecision(await openCheckpoint(checkpoint.directory), precision, { folder })).checkpoint;
  });

  /** A digest of all outputs of each picture. */
  async function run(batch: readonly Uint16Array[], threads: number): Promise<string[]> {
    const forward = await openForward(model, request, { threads });
    const tokens = Uint16Array.from(batch.flatMap((picture) => [...picture]));
    const outputs = await forward.execute(tokens);
    await forward.close();
    return batch.map((_, i) =>
      [...outputs.values()]
        .map(({ data }) =>
          digest(data.subarray((i * data.length) / batch.length, ((i + 1) * data.length) / batch.length)),
        )
        .join(),
    );
  }

  test('a picture does not depend on its batch, its place in the batch, other pictures or threads', async () => {
    const alone = (await Promise.all(pictures.map((picture) => run([picture], 1)))).flat();
    for (const threads of [1, 2, 4]) {
      const turned = [...pictures.slice(1), pictures[0]!];
      expect(await run(turned, threads)).toEqual([...alone.slice(1), alone[0]]);
    }
  });
});

test('int8-block: a sample does not depend on the number of samples or threads', async () => {
  await using checkpoint = await tinyCheckpoint(shape);
  const exact = await openCheckpoint(checkpoint.directory);
  const model = (await inPrecision(exact, 'int8-block', { folder })).checkpoint;
  const n = shape.size ** 2;
  const tokens = randomTokens(9, n, shape.n_colors);
  const keep = n - 12;
  const eight = await complete(model, tokens, { keep, samples: 8, seed: 1 });
  for (const [samples, threads] of [
    [1, 1],
    [3, 2],
    [8, 4],
    [5, 1],
  ] as const) {
    const some = await complete(model, tokens, { keep, samples, seed: 1, threads });
    expect(some).toEqual(eight.subarray(0, samples * n));
  }
});
