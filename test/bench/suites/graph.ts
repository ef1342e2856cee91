import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, THREADS } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import { matMulPeak } from '../matmul-peak.ts';
import type { Row } from '../report.ts';
import { IGPT_S, N_COLORS, type ScratchShape, scratchCheckpoint } from '../scratch-checkpoint.ts';

const BATCH = 4;
const LAYER = IGPT_S.n_layer / 2;

/** The forward graph's operations a second, against the fastest matrix products that onnxruntime has on this machine. */
export async function graph({ rounds, scratch }: BenchContext): Promise<Row[]> {
  const { config, weights } = await openCheckpoint(await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), IGPT_S));
  const request = { features: { layers: [LAYER], norm: 'raw', pool: 'mean' } } as const;
  const tokens = Uint16Array.from(
    Array.from({ length: BATCH }, (_, i) => [...randomTokens(i + 1, IGPT_S.n_positions, N_COLORS)]).flat(),
  );
  const rows: Row[] = [];
  for (const threads of [THREADS, 1]) {
    const forward = await openForward({ config, weights }, request, { threads });
    const prepacked = await openForward({ config, weights }, request, { threads, prepack: true });
    const ours = side(BATCH * LAYER * causalFlops(IGPT_S), () => timed(() => forward.execute(tokens)));
    const oursPrepacked = side(BATCH * LAYER * causalFlops(IGPT_S), () => timed(() => prepacked.execute(tokens)));
    const peak = await matMulPeak(threads, true);
    const mapped = await matMulPeak(threads, false);
    await interleave([ours, mapped, oursPrepacked, peak], rounds);
    await Promise.all([forward.close(), prepacked.close()]);
    const what = { suite: 'graph', unit: 'GFLOP/s' } as const;
    const at = `S to layer ${LAYER}, ${threads} thread${threads === 1 ? '' : 's'}`;
    rows.push(
      comparison(
        {
          ...what,
          name: `${at}, mapped weights; theirs peak matmul on mapped weights`,
          target: { value: 0.8 },
          note: `${mapped.words}; only causal operations are counted`,
        },
        ours,
        mapped,
      ),
      comparison(
        {
          ...what,
          name: `${at}, prepacked; theirs peak matmul, prepacked`,
          target: { value: 0.8 },
          note: peak.words,
        },
        oursPrepacked,
        peak,
      ),
      comparison({ ...what, name: `${at}, mapped weights; theirs peak matmul, prepacked` }, ours, peak),
    );
  }
  return rows;
}

/** Operations of one block for one picture (2 a product): four projections and the MLP, and attention to earlier tokens only. */
function causalFlops({ n_embd: d, n_positions: n }: ScratchShape): number {
  const matrices = 2 * n * (3 * d * d + d * d + 8 * d * d);
  const attention = 2 * 2 * d * ((n * (n + 1)) / 2);
  return matrices + attention;
}
