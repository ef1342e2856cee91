import { join, parse, relative } from 'node:path';
import type { ImageGptModel } from '../graph/forward-graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { projectionComparison } from '../graph/projection-comparison.ts';
import type { ImageGptWeights } from '../graph/weights.ts';
import { createRandom } from '../image-gpt/random.ts';
import { type Input, openSession } from './session.ts';

/** Positions that are compared: enough for steady cosines. A BERT model reads all of its own. */
const LENGTH = 256;

/** The first picture is noise, the second stripes: as unlike as pictures get. */
const STRIPES = [1, 32] as const;
const SEED = 1;

/**
 * Cosine between each matrix's outputs in f32 and in its other number format, on the same inputs: [n_layer x 4], in
 * the order of `matrixRoles`, the lowest over two made-up pictures; NaN where something is no number.
 *
 * @throws RuntimeError
 */
export async function projectionCosines(model: ImageGptModel, quantized: ImageGptWeights): Promise<number[]> {
  const { config, weights } = model;
  const bert = config.objective === 'bert';
  const length = bert ? config.n_positions : Math.min(config.n_positions, LENGTH);
  const graph = projectionComparison(model, quantized, length);
  // Two folders, one session: names count from the root that they share.
  const { root } = parse(weights.directory);
  for (const [name, initializer] of graph.initializers) {
    if (!('file' in initializer)) continue;
    const folder = initializer.file === quantized.wte.file ? quantized.directory : weights.directory;
    graph.initializers.set(name, { ...initializer, file: relative(root, join(folder, initializer.file)) });
  }
  const session = await openSession(writeOnnx(graph), { directory: root });
  try {
    const runs: number[][] = [];
    for (const stripe of STRIPES) {
      const inputs: Record<string, Input> = {
        tokens: { type: 'int32', data: madeUpTokens(length, stripe, config.n_colors), dims: [1, length] },
        ...(bert && { mask: { type: 'bool', data: new Uint8Array(length), dims: [1, length] } }),
      };
      const sums = (await session.run(inputs)).get('sums')?.data ?? new Float32Array(0); // [n_layer x 4 x 3]
      runs.push(cosines(sums));
    }
    const [first = [], ...others] = runs;
    return first.map((cosine, i) => Math.min(cosine, ...others.map((run) => run[i] ?? Number.NaN)));
  } finally {
    await session.close();
  }
}

/** [length] tokens, `stripe` equal ones in a row. */
function madeUpTokens(length: number, stripe: number, colors: number): Int32Array {
  const random = createRandom(SEED, stripe);
  const tokens = new Int32Array(length);
  for (let start = 0; start < length; start += stripe) {
    tokens.fill(Math.floor(random() * colors), start, start + stripe);
  }
  return tokens;
}

function cosines(sums: Float32Array): number[] {
  return Array.from({ length: sums.length / 3 }, (_, i) => {
    const [ab = 0, aa = 0, bb = 0] = sums.subarray(3 * i, 3 * i + 3);
    return ab / Math.sqrt(aa * bb);
  });
}
