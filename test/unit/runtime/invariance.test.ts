import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { ForwardRequest, ImageGptModel } from '../../../lib/graph/forward-graph.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import type { Output } from '../../../lib/runtime/session.ts';
import {
  randomTokens,
  type TinyCheckpoint,
  type TinyCheckpointOptions,
  tinyCheckpoint,
} from '../../support/tiny-checkpoint.ts';
import { digest } from './digest.ts';

const cases: (TinyCheckpointOptions & { name: string })[] = [
  { name: 'tiny', n_embd: 16, n_head: 2, size: 4, n_colors: 8 },
  { name: 'odd sizes', n_embd: 30, n_head: 5, size: 6, n_colors: 17, classes: 7 },
  { name: 'wider than long', n_embd: 256, n_head: 4, size: 8, n_colors: 512, classes: 100 },
  { name: 'several query blocks', n_embd: 64, n_head: 2, size: 18, n_colors: 100 },
  { name: 'OpenAI layout', layout: 'openai', n_embd: 128, n_head: 2, size: 12, n_colors: 512 },
  { name: 'BERT', objective: 'bert', n_embd: 128, n_head: 2, size: 12, n_colors: 512 },
];

const request: ForwardRequest = {
  features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
  classes: true,
  likelihood: true,
  logits: true,
};

describe.each(cases)('bit for bit, $name', (options) => {
  let checkpoint: TinyCheckpoint;
  let model: ImageGptModel;
  let n: number;
  let pictures: Uint16Array[];
  let alone: Map<string, string>[];

  beforeAll(async () => {
    checkpoint = await tinyCheckpoint(options);
    model = await openCheckpoint(checkpoint.directory);
    n = model.config.n_positions;
    pictures = Array.from({ length: 8 }, (_, seed) => randomTokens(seed, n, model.config.n_colors));
    alone = (await run(pictures.map((picture) => [picture]))).map((batch) => batch[0]!);
  });
  afterAll(() => checkpoint[Symbol.asyncDispose]());

  /** Digests of the outputs of each picture of each batch, in one session. */
  async function run(batches: Uint16Array[][], threads = 1): Promise<Map<string, string>[][]> {
    const forward = await openForward(model, request, { threads });
    const results: Map<string, string>[][] = [];
    for (const batch of batches) {
      const tokens = new Uint16Array(batch.length * n);
      for (const [i, picture] of batch.entries()) tokens.set(picture, i * n);
      results.push(byPicture(await forward.execute(tokens), batch.length));
    }
    await forward.close();
    return results;
  }

  test('a picture does not depend on the batch size, its place in the batch or other pictures', async () => {
    for (let size = 1; size <= 8; size++) {
      const shifted = pictures.map((_, i) => (i + size) % 8).slice(0, size);
      const [batch] = await run([shifted.map((i) => pictures[i]!)]);
      expect(batch).toEqual(shifted.map((i) => alone[i]));
    }
  });

  test.each([1, 2, 4])('a picture has the same bits on %d threads, in 20 executions', async (threads) => {
    const repeated = await run(Array(20).fill([pictures[3]!]), threads);
    for (const [picture] of repeated) expect(picture).toEqual(alone[3]);
  });
});

/** A digest of every output of each picture. */
function byPicture(outputs: ReadonlyMap<string, Output>, batch: number): Map<string, string>[] {
  return Array.from({ length: batch }, (_, i) => {
    const entries = [...outputs].map(([name, { data }]) => {
      const size = data.length / batch;
      return [name, digest(data.subarray(i * size, (i + 1) * size))] as const;
    });
    return new Map(entries);
  });
}
