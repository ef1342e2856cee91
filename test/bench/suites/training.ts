import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openTrainingSession } from '../../../lib/runtime/training-session.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, paletteColors, type ScratchShape, scratchCheckpoint } from '../scratch-checkpoint.ts';

const learningRate = 1e-3;
/** Largest difference between the first losses of both sides (nats); above it, speeds are not compared. */
const tolerance = 1e-4;

const cases: readonly { name: string; shape: ScratchShape; batch: number }[] = [
  {
    name: 'd = 128, 6 layers, n = 256, batch 64',
    shape: { n_embd: 128, n_layer: 6, n_head: 4, n_positions: 256 },
    batch: 64,
  },
  { name: 'S width, 2 layers, n = 1,024, batch 4', shape: { ...igptS, n_layer: 2 }, batch: 4 },
];

/** Adam steps on the next-token loss, against PyTorch with the same threads, batch and weights. */
export async function training(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of cases) rows.push(await trainingCase(context, one));
  return rows;
}

async function trainingCase(
  { rounds, peer, scratch, say }: BenchContext,
  { name, shape, batch }: (typeof cases)[number],
): Promise<Row> {
  const { n_embd, n_layer, n_positions: n } = shape;
  const directory = await scratchCheckpoint(join(scratch, `training-${n_embd}-${n_layer}-${n}`), shape);
  const session = await openTrainingSession(await openCheckpoint(directory), {
    loss: 'generative',
    threads: benchThreads,
  });
  const tokens = randomTokens(1, batch * n, paletteColors);
  const pictures = Array.from({ length: batch }, (_, i) => [...tokens.subarray(i * n, (i + 1) * n)]);
  const theirs = await peer?.prepare('training-step', { checkpoint: directory, tokens: pictures }, benchThreads);
  let step = 0;
  const next = async (): Promise<number> => {
    step += 1;
    return (await session.step({ tokens }, { step, learningRate: learningRate })).loss;
  };
  const [first, other] = [await next(), theirs && z.number().parse(await theirs.result())];
  if (other !== undefined && Math.abs(first - other) > tolerance) {
    throw new Error(`Expected equal losses, received ours ${first} and theirs ${other}: the speeds cannot be compared`);
  }
  say(`training ${name}: loss ${first.toFixed(4)}`);
  const our = side(batch * n, () => timed(next));
  const their = theirs && side(batch * n, () => theirs.run());
  await interleave([our, their], rounds);
  await session.close();
  await theirs?.drop();
  return comparison(
    {
      suite: 'training',
      name,
      unit: 'tokens/s',
      target: { value: 1 },
      note: `${benchThreads} threads on both sides; theirs PyTorch eager with scaled_dot_product_attention and fused Adam, f32`,
    },
    our,
    their,
  );
}
