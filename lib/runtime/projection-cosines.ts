import { join, parse, relative } from 'node:path';
import type { ImageGptModel } from '../graph/forward-graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { projectionComparison } from '../graph/projection-comparison.ts';
import type { ImageGptWeights } from '../graph/weights.ts';
import { createRandom } from '../image-gpt/random.ts';
import { type Input, openSession } from './session.ts';

/** Compared positions: enough for a stable cosine. A BERT model needs all of its positions. */
const comparedLength = 256;

/** Width of the stripes of each made-up picture. The first is noise, the second smooth: opposite extremes. */
const stripes = [1, 32] as const;
const seed = 1;

/**
 * Cosine between each matrix product in f32 and in the matrix's other number format, on the same input: [n_layer x 4]
 * in the order of `matrixRoles`. The lowest of two made-up pictures; NaN if a product is not finite.
 *
 * @throws RuntimeError
 */
export async function projectionCosines(model: ImageGptModel, quantized: ImageGptWeights): Promise<number[]> {
  const { config, weights } = model;
  const bert = config.objective === 'bert';
  const length = bert ? config.n_positions : Math.min(config.n_positions, comparedLength);
  const graph = projectionComparison(model, quantized, length);
  // One session reads two folders: file names are relative to their common root.
  const { root } = parse(weights.directory);
  for (const [name, initializer] of graph.initializers) {
    if (!('file' in initializer)) continue;
    const folder = initializer.file === quantized.wte.file ? quantized.directory : weights.directory;
    graph.initializers.set(name, { ...initializer, file: relative(root, join(folder, initializer.file)) });
  }
  const session = await openSession(writeOnnx(graph), { directory: root });
  try {
    const found: number[][] = [];
    for (const stripe of stripes) {
      const inputs: Record<string, Input> = {
        tokens: { type: 'int32', data: madeUpTokens(length, stripe, config.n_colors), dims: [1, length] },
        ...(bert && { mask: { type: 'bool', data: new Uint8Array(length), dims: [1, length] } }),
      };
      const sums = (await session.execute(inputs)).get('sums')?.data ?? new Float32Array(0); // [n_layer x 4 x 3]
      found.push(cosines(sums));
    }
    const [first = [], ...others] = found;
    return first.map((cosine, i) => Math.min(cosine, ...others.map((other) => other[i] ?? Number.NaN)));
  } finally {
    await session.close();
  }
}

/** [length] random tokens, each repeated `stripe` times. */
function madeUpTokens(length: number, stripe: number, colors: number): Int32Array {
  const random = createRandom(seed, stripe);
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
