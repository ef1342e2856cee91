import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openTrainingSession } from '../../../lib/runtime/training-session.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, THREADS } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { IGPT_S, N_COLORS, type ScratchShape, scratchCheckpoint } from '../scratch-checkpoint.ts';

const LEARNING_RATE = 1e-3;
/** Largest difference between the first losses, nats, before the speeds cannot be compared. */
const TOLERANCE = 1e-4;

const CASES: readonly { name: string; shape: ScratchShape; batch: number }[] = [
  {
    name: 'd = 128, 6 layers, n = 256, batch 64',
    shape: { n_embd: 128, n_layer: 6, n_head: 4, n_positions: 256 },
    batch: 64,
  },
  { name: 'S width, 2 layers, n = 1,024, batch 4', shape: { ...IGPT_S, n_layer: 2 }, batch: 4 },
];

/** Steps of Adam on the next-token loss, against PyTorch at the same threads, batch and weights. */
export async function training(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of CASES) rows.push(await trainingCase(context, one));
  return rows;
}

async function trainingCase(
  { rounds, peer, scratch, say }: BenchContext,
  { name, shape, batch }: (typeof CASES)[number],
): Promise<Row> {
  const { n_embd, n_layer, n_positions: n } = shape;
  const directory = await scratchCheckpoint(join(scratch, `training-${n_embd}-${n_layer}-${n}`), shape);
  const session = await openTrainingSession(await openCheckpoint(directory), { loss: 'generative', threads: THREADS });
  const tokens = randomTokens(1, batch * n, N_COLORS);
  const pictures = Array.from({ length: batch }, (_, i) => [...tokens.subarray(i * n, (i + 1) * n)]);
  const theirs = await peer?.prepare('training-step', { checkpoint: directory, tokens: pictures }, THREADS);
  let step = 0;
  const next = async (): Promise<number> => {
    step += 1;
    return (await session.step({ tokens }, { step, learningRate: LEARNING_RATE })).loss;
  };
  const [first, other] = [await next(), theirs && z.number().parse(await theirs.result())];
  if (other !== undefined && Math.abs(first - other) > TOLERANCE) {
    throw new Error(`Our loss ${first} is not theirs, ${other}: their speeds cannot be compared`);
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
      note: `${THREADS} threads on both sides; theirs PyTorch eager with scaled_dot_product_attention and fused Adam, f32`,
    },
    our,
    their,
  );
}
