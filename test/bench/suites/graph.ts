import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import { matMulPeak } from '../matmul-peak.ts';
import type { Row } from '../report.ts';
import { igptS, paletteColors, type ScratchShape, scratchCheckpoint } from '../scratch-checkpoint.ts';

const batchSize = 4;
const middleLayer = igptS.n_layer / 2;

/** Operations per second of the forward graph, against onnxruntime's fastest matrix product on this machine. */
export async function graph({ rounds, scratch }: BenchContext): Promise<Row[]> {
  const { config, weights } = await openCheckpoint(await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS));
  const request = { features: { layers: [middleLayer], norm: 'raw', pool: 'mean' } } as const;
  const tokens = Uint16Array.from(
    Array.from({ length: batchSize }, (_, i) => [...randomTokens(i + 1, igptS.n_positions, paletteColors)]).flat(),
  );
  const rows: Row[] = [];
  for (const threads of [benchThreads, 1]) {
    const forward = await openForward({ config, weights }, request, { threads });
    const prepacked = await openForward({ config, weights }, request, { threads, prepack: true });
    const ours = side(batchSize * middleLayer * causalFlops(igptS), () => timed(() => forward.execute(tokens)));
    const oursPrepacked = side(batchSize * middleLayer * causalFlops(igptS), () =>
      timed(() => prepacked.execute(tokens)),
    );
    const peak = await matMulPeak(threads, true);
    const mapped = await matMulPeak(threads, false);
    await interleave([ours, mapped, oursPrepacked, peak], rounds);
    await Promise.all([forward.close(), prepacked.close()]);
    const what = { suite: 'graph', unit: 'GFLOP/s' } as const;
    const at = `S to layer ${middleLayer}, ${threads} thread${threads === 1 ? '' : 's'}`;
    rows.push(
      comparison(
        {
          ...what,
          name: `${at}, mapped weights; theirs peak matmul on mapped weights`,
          target: { value: 0.8 },
          note: `${mapped.shape}; only causal operations are counted`,
        },
        ours,
        mapped,
      ),
      comparison(
        {
          ...what,
          name: `${at}, prepacked; theirs peak matmul, prepacked`,
          target: { value: 0.8 },
          note: peak.shape,
        },
        oursPrepacked,
        peak,
      ),
      comparison({ ...what, name: `${at}, mapped weights; theirs peak matmul, prepacked` }, ours, peak),
    );
  }
  return rows;
}

/**
 * Operations of one block for one picture (2 for a multiply-add): projections, MLP, and attention to earlier tokens.
 */
function causalFlops({ n_embd: d, n_positions: n }: ScratchShape): number {
  const matrices = 2 * n * (3 * d * d + d * d + 8 * d * d);
  const attention = 2 * 2 * d * ((n * (n + 1)) / 2);
  return matrices + attention;
}
