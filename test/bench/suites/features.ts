import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { type LocalModel, openModel } from '../../../lib/runtime/model.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, type Side, secondsPerItem, side, speedRatio, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, paletteColors, scratchCheckpoint } from '../scratch-checkpoint.ts';

const batchSize = 4;
/** The middle of iGPT-S, whose features are the best in the paper. */
const middleLayer = igptS.n_layer / 2;
/** Largest difference between the features of two sides (features reach about 3); above it, speeds are not compared. */
const tolerance = 1e-4;

const rows2d = z.array(z.array(z.number()));

/** Features of the middle layer of iGPT-S, against transformers and PyTorch with the same threads and batch. */
export async function features({ rounds, peer, scratch }: BenchContext): Promise<Row[]> {
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const checkpoint = await openCheckpoint(directory);
  const pictures = Array.from({ length: batchSize }, (_, i) => randomTokens(i + 1, igptS.n_positions, paletteColors));
  const all = Uint16Array.from(pictures.flatMap((tokens) => [...tokens])); // [batch, n]

  const forward = await openForward(
    { config: checkpoint.config, weights: checkpoint.weights },
    { features: { layers: [middleLayer], norm: 'raw', pool: 'mean' } },
    { threads: benchThreads },
  );
  const served = {
    outputs: ['features'],
    featureLayer: middleLayer,
    featureNorm: 'raw',
    threads: benchThreads,
  } as const;
  const model = await openModel(checkpoint, served);
  const prepacked = await openModel(checkpoint, { ...served, prepack: true });
  const options = { checkpoint: directory, tokens: pictures.map((tokens) => [...tokens]), layer: middleLayer };
  const eager = await peer?.prepare('eager', options, benchThreads);
  const sdpa = await peer?.prepare('sdpa', options, benchThreads);
  const compiled = await peer?.prepare('compiled', options, benchThreads);

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

  const session = side(batchSize, () => timed(() => forward.execute(all)));
  const predictAll = (one: LocalModel): Side =>
    side(batchSize, () => timed(() => Promise.all(pictures.map((tokens) => one.predict(tokens)))));
  const workers = predictAll(model);
  const prepackedWorkers = predictAll(prepacked);
  const eagerSide = eager && side(batchSize, eager.run);
  const sdpaSide = sdpa && side(batchSize, sdpa.run);
  const compiledSide = compiled && side(batchSize, compiled.run);
  await interleave([session, eagerSide, workers, compiledSide, prepackedWorkers, sdpaSide], rounds);
  await Promise.all([forward.close(), model.close(), prepacked.close(), eager?.drop(), sdpa?.drop(), compiled?.drop()]);

  const rowsOf = (ours: Side, how: string): Row[] => [
    comparison(
      {
        suite: 'features',
        name: `S, layer ${middleLayer}, ${how}; theirs transformers eager, all layers`,
        unit: 'pictures/s',
        target: { value: 4 },
      },
      ours,
      eagerSide,
    ),
    ...(eagerSide ? [perLayer(ours, eagerSide, how)] : []),
    ...(compiledSide
      ? [
          comparison(
            {
              suite: 'features',
              name: `S, layer ${middleLayer}, ${how}; theirs torch.compile with SDPA`,
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
    ...rowsOf(session, `one session of ${benchThreads} threads`),
    ...rowsOf(workers, `${benchThreads} workers`),
    ...rowsOf(prepackedWorkers, `${benchThreads} workers, prepacked`),
    ...(sdpaSide
      ? [
          comparison(
            {
              suite: 'features',
              name: `S, layer ${middleLayer}, ${benchThreads} workers; theirs SDPA, not compiled`,
              unit: 'pictures/s',
            },
            workers,
            sdpaSide,
          ),
        ]
      : []),
  ];
}

/** The same times for one layer: transformers always computes all layers. */
function perLayer(ours: Side, eager: Side, how: string): Row {
  return {
    suite: 'features',
    name: `S, one picture and layer, ${how}; theirs transformers eager`,
    unit: 'ms',
    ours: (secondsPerItem(ours) / middleLayer) * 1e3,
    theirs: (secondsPerItem(eager) / igptS.n_layer) * 1e3,
    ratio: (speedRatio(ours, eager) * middleLayer) / igptS.n_layer,
    target: { value: 2 },
  };
}

function refuseUnlessEqual(name: string, values: readonly number[], ours: Float32Array): void {
  const difference = Math.max(...values.map((value, i) => Math.abs(value - (ours[i] ?? Number.NaN))));
  if (values.length !== ours.length || !(difference <= tolerance)) {
    throw new Error(`Expected the features of ${name} to equal ours within ${tolerance}, they differ by ${difference}`);
  }
}
