import { openTokenizerFiles } from '../../../lib/checkpoint/checkpoint.ts';
import { createQuantizer, type Quantizer } from '../../../lib/image-gpt/quantizer.ts';
import { type BenchContext, nanoDirectory } from '../context.ts';
import { interleave, secondsPerItem, side, timed } from '../interleave.ts';
import type { Row } from '../report.ts';

const pixels = 1024;
/** Searches in a run: many, because the clock is coarse. */
const searchesPerRun = 200;

/** Nearest of 512 colours for each pixel of a 32 x 32 picture, against trying every colour. */
export async function palette({ rounds }: BenchContext): Promise<Row[]> {
  const { preprocessing } = await openTokenizerFiles(nanoDirectory);
  if (preprocessing === undefined) throw new Error(`Expected a palette in ${nanoDirectory}, found none`);
  const centres = preprocessing.palette;
  const quantize = createQuantizer(centres);
  const every: Quantizer = (rgb) => nearestOfAll(rgb, centres);

  // Spread evenly over all colours: the most cells that a picture can need.
  const spread = Uint8Array.from({ length: 3 * pixels }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 16) & 255);
  const cold = await timed(() => createQuantizer(centres)(spread));
  const search = (quantizer: Quantizer, times: number) =>
    side(times, () =>
      timed(() => {
        for (let i = 0; i < times; i += 1) quantizer(spread);
      }),
    );
  const ours = search(quantize, searchesPerRun);
  const theirs = search(every, searchesPerRun / 20);
  await interleave([ours, theirs], rounds);
  return [
    {
      suite: 'palette',
      name: `nearest of 512 colours, ${pixels} pixels`,
      unit: 'µs',
      ours: secondsPerItem(ours) * 1e6,
      target: { value: 200, direction: 'at most' },
      note: `trying every colour takes ${(secondsPerItem(theirs) * 1e6).toFixed(0)} µs; the first picture of a process, which builds the cells, ${(cold * 1e3).toFixed(1)} ms`,
      seconds: { ours: ours.seconds, 'every colour': theirs.seconds },
    },
  ];
}

/** The definition: the first colour with the smallest distance. */
function nearestOfAll(rgb: Uint8Array, centres: Float32Array): Uint16Array {
  return Uint16Array.from({ length: rgb.length / 3 }, (_, pixel) => {
    let best = 0;
    let smallest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < centres.length / 3; k += 1) {
      const red = rgb[3 * pixel]! / 127.5 - 1 - centres[3 * k]!;
      const green = rgb[3 * pixel + 1]! / 127.5 - 1 - centres[3 * k + 1]!;
      const blue = rgb[3 * pixel + 2]! / 127.5 - 1 - centres[3 * k + 2]!;
      const distance = red * red + green * green + blue * blue;
      if (distance < smallest) {
        smallest = distance;
        best = k;
      }
    }
    return best;
  });
}
