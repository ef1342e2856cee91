import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { comparePrecision } from '../../../lib/runtime/compare-precision.ts';
import { type LocalModel, openModel } from '../../../lib/runtime/model.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, type Side, secondsPerItem, side, speedRatio, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, paletteColors, scratchCheckpoint } from '../scratch-checkpoint.ts';

const batchSize = 4;
/** The middle of iGPT-S, whose features are the best in the paper. */
const middleLayer = igptS.n_layer / 2;

/** Features of iGPT-S in int8, against our f32, PyTorch in bf16 and transformers, with the same threads and batch. */
export async function precision({ rounds, peer, scratch }: BenchContext): Promise<Row[]> {
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const checkpoint = await openCheckpoint(directory);
  const cache = join(scratch, 'derived');
  const pictures = Array.from({ length: batchSize }, (_, i) => randomTokens(i + 1, igptS.n_positions, paletteColors));
  const served = {
    outputs: ['features'],
    featureLayer: middleLayer,
    featureNorm: 'raw',
    threads: benchThreads,
    cache,
  } as const;
  const int8 = await openModel(checkpoint, { ...served, precision: 'int8' });
  const f32 = await openModel(checkpoint, served);
  const options = { checkpoint: directory, tokens: pictures.map((tokens) => [...tokens]), layer: middleLayer };
  const compiled = await peer?.prepare('compiled', { ...options, dtype: 'bfloat16' }, benchThreads);
  const eager = await peer?.prepare('eager', options, benchThreads);

  const predictAll = (model: LocalModel): Side =>
    side(batchSize, () => timed(() => Promise.all(pictures.map((tokens) => model.predict(tokens)))));
  const [ours, exact] = [predictAll(int8), predictAll(f32)];
  const bf16 = compiled && side(batchSize, compiled.run);
  const documented = eager && side(batchSize, eager.run);
  await interleave([ours, bf16, exact, documented], rounds);
  await Promise.all([int8.close(), f32.close(), compiled?.drop(), eager?.drop()]);

  const { checkpoint: other } = await inPrecision(checkpoint, 'int8', { folder: cache });
  const { featureCosines } = await comparePrecision(checkpoint, other, pictures.slice(0, 1));
  const what = { suite: 'precision', unit: 'pictures/s' } as const;
  const name = `S in int8, layer ${middleLayer}, ${benchThreads} workers`;
  return [
    comparison({ ...what, name: `${name}; theirs ours in f32` }, ours, exact),
    ...(bf16
      ? [comparison({ ...what, name: `${name}; theirs torch.compile in bf16`, target: { value: 1.15 } }, ours, bf16)]
      : []),
    ...(documented
      ? [
          comparison(
            { ...what, name: `${name}; theirs transformers eager, all layers`, target: { value: 8.5 } },
            ours,
            documented,
          ),
          perLayer(ours, documented),
        ]
      : []),
    {
      suite: 'precision',
      name: 'S in int8: lowest feature cosine to f32, random weights',
      unit: '',
      ours: Math.min(...featureCosines),
      target: { value: 0.999 },
    },
  ];
}

/** The same times for one layer: transformers always computes all layers. */
function perLayer(ours: Side, eager: Side): Row {
  return {
    suite: 'precision',
    name: 'S in int8, one picture and layer; theirs transformers eager',
    unit: 'ms',
    ours: (secondsPerItem(ours) / middleLayer) * 1e3,
    theirs: (secondsPerItem(eager) / igptS.n_layer) * 1e3,
    ratio: (speedRatio(ours, eager) * middleLayer) / igptS.n_layer,
    target: { value: 4.5 },
  };
}
