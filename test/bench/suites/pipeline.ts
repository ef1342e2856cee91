import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../../lib/image-gpt/quantizer.ts';
import { openModel } from '../../../lib/runtime/model.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { igptRun } from '../igpt-run.ts';
import { interleave, median, secondsPerItem, side, timed } from '../interleave.ts';
import { pictureFolder } from '../pictures.ts';
import type { Row } from '../report.ts';
import { igptS, scratchCheckpoint } from '../scratch-checkpoint.ts';

const middleLayer = igptS.n_layer / 2;

/** A whole `igpt run` in its own process, against the bare model with tokens that were made before. */
export async function pipeline({ rounds, quick, scratch }: BenchContext): Promise<Row[]> {
  const pictures = quick ? 24 : 200;
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const folder = await pictureFolder(join(scratch, `pictures-640x427-${pictures}`), pictures, 640, 427);
  const checkpoint = await openCheckpoint(directory);
  const model = await openModel(checkpoint, {
    outputs: ['features'],
    featureLayer: middleLayer,
    threads: benchThreads,
  });

  const { palette, ...recipe } = model.preprocessing;
  const decoder = openDecoder(recipe);
  const quantize = createQuantizer(palette);
  const names = (await readdir(folder)).toSorted();
  const tokens: Uint16Array[] = [];
  for (const name of names) tokens.push(quantize((await decoder.decode(await readFile(join(folder, name)))).rgb));
  await decoder.close();

  const options = [
    '--model',
    directory,
    '--outputs',
    'features',
    '--layer',
    String(middleLayer),
    '--workers',
    `${benchThreads}`,
  ];
  const firstOutcomes: number[] = [];
  const whole = side(pictures, async () => {
    const { seconds, firstOutcome } = await igptRun(folder, options);
    firstOutcomes.push(firstOutcome);
    return seconds;
  });
  const bare = side(pictures, () => timed(() => Promise.all(tokens.map((one) => model.predict(one)))));
  await interleave([whole, bare], rounds);
  await model.close();

  return [
    comparison(
      {
        suite: 'pipeline',
        name: `igpt run, ${pictures} JPEGs of 640x427, S to layer ${middleLayer}, ${benchThreads} workers; theirs the bare model`,
        unit: 'pictures/s',
        // A short run spends most of its time in start-up.
        target: quick ? undefined : { value: 0.95 },
        note: `from the start of the process to its end; ${(secondsPerItem(whole) * pictures).toFixed(1)} s a run, the first outcome after ${median(firstOutcomes).toFixed(1)} s; a picture alone takes ${(secondsPerItem(bare) * benchThreads).toFixed(2)} s`,
      },
      whole,
      bare,
    ),
  ];
}
