import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { type LocalModel, openModel } from '../../../lib/runtime/model.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, THREADS } from '../context.ts';
import { interleave, type Side, secondsPerItem, side, speedRatio, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { IGPT_S, N_COLORS, scratchCheckpoint } from '../scratch-checkpoint.ts';

const BATCH = 4;
/** The middle of iGPT-S, where the paper's features are best. */
const LAYER = IGPT_S.n_layer / 2;
/** Largest difference between features (which reach about 3 here) before their speeds cannot be compared. */
const TOLERANCE = 1e-4;

const rows2d = z.array(z.array(z.number()));

/** Features of the middle layer of an iGPT-S, against transformers and PyTorch at the same threads and batch. */
export async function features({ rounds, peer, scratch }: BenchContext): Promise<Row[]> {
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), IGPT_S);
  const checkpoint = await openCheckpoint(directory);
  const pictures = Array.from({ length: BATCH }, (_, i) => randomTokens(i + 1, IGPT_S.n_positions, N_COLORS));
  const all = Uint16Array.from(pictures.flatMap((tokens) => [...tokens])); // [batch, n]

  const forward = await openForward(
    { config: checkpoint.config, weights: checkpoint.weights },
    { features: { layers: [LAYER], norm: 'raw', pool: 'mean' } },
    { threads: THREADS },
  );
  const served = { outputs: ['features'], featureLayer: LAYER, featureNorm: 'raw', threads: THREADS } as const;
  const model = await openModel(checkpoint, served);
  const prepacked = await openModel(checkpoint, { ...served, prepack: true });
  const options = { checkpoint: directory, tokens: pictures.map((tokens) => [...tokens]), layer: LAYER };
  const eager = await peer?.prepare('eager', options, THREADS);
  const sdpa = await peer?.prepare('sdpa', options, THREADS);
  const compiled = await peer?.prepare('compiled', options, THREADS);

  const ours = (await forward.execute(all)).get('features')?.data ?? new Float32Array(0);
  for (const [name, one] of Object.entries({ model, prepacked })) {
    const predictions = await Promise.all(pictures.map((tokens) => one.predict(tokens)));
    refuseUnlessEqual(
      name,
      predictions.flatMap(({ features: values }) => [...(values ?? [])]),
      ours,
    );
  }
  for (const [name, one] of Object.entries({ eager, sdpa, compiled })) {
    if (one !== undefined) refuseUnlessEqual(name, rows2d.parse(await one.result()).flat(), ours);
  }

  const session = side(BATCH, () => timed(() => forward.execute(all)));
  const predictAll = (one: LocalModel): Side =>
    side(BATCH, () => timed(() => Promise.all(pictures.map((tokens) => one.predict(tokens)))));
  const workers = predictAll(model);
  const prepackedWorkers = predictAll(prepacked);
  const eagerSide = eager && side(BATCH, eager.run);
  const sdpaSide = sdpa && side(BATCH, sdpa.run);
  const compiledSide = compiled && side(BATCH, compiled.run);
  await interleave([session, eagerSide, workers, compiledSide, prepackedWorkers, sdpaSide], rounds);
  await Promise.all([forward.close(), model.close(), prepacked.close(), eager?.drop(), sdpa?.drop(), compiled?.drop()]);

  const rowsOf = (ours: Side, way: string): Row[] => [
    comparison(
      {
        suite: 'features',
        name: `S, layer ${LAYER}, ${way}; theirs transformers eager, all layers`,
        unit: 'pictures/s',
        target: { value: 4 },
      },
      ours,
      eagerSide,
    ),
    ...(eagerSide ? [perLayer(ours, eagerSide, way)] : []),
    ...(compiledSide
      ? [
          comparison(
            {
              suite: 'features',
              name: `S, layer ${LAYER}, ${way}; theirs torch.compile with SDPA`,
              unit: 'pictures/s',
              target: { value: 1 },
            },
            ours,
            compiledSide,
          ),
        ]
      : []),
  ];
  return [
    ...rowsOf(session, `one session of ${THREADS} threads`),
    ...rowsOf(workers, `${THREADS} workers`),
    ...rowsOf(prepackedWorkers, `${THREADS} workers, prepacked`),
    ...(sdpaSide
      ? [
          comparison(
            {
              suite: 'features',
              name: `S, layer ${LAYER}, ${THREADS} workers; theirs SDPA, not compiled`,
              unit: 'pictures/s',
            },
            workers,
            sdpaSide,
          ),
        ]
      : []),
  ];
}

/** The same times, divided by the layers that each computed: transformers cannot stop early. */
function perLayer(ours: Side, eager: Side, way: string): Row {
  return {
    suite: 'features',
    name: `S, a picture a layer, ${way}; theirs transformers eager`,
    unit: 'ms',
    ours: (secondsPerItem(ours) / LAYER) * 1e3,
    theirs: (secondsPerItem(eager) / IGPT_S.n_layer) * 1e3,
    ratio: (speedRatio(ours, eager) * LAYER) / IGPT_S.n_layer,
    target: { value: 2 },
  };
}

function refuseUnlessEqual(name: string, values: readonly number[], ours: Float32Array): void {
  const difference = Math.max(...values.map((value, i) => Math.abs(value - (ours[i] ?? Number.NaN))));
  if (values.length !== ours.length || !(difference <= TOLERANCE)) {
    throw new Error(`Expected the features of ${name} to be ours within ${TOLERANCE}, they differ by ${difference}`);
  }
}
