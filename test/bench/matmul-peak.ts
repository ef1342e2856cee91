import { addConstant, addInput, addNode, addOutput, createGraph, onnxElementType } from '../../lib/graph/graph.ts';
import { halfGraph } from '../../lib/graph/half-graph.ts';
import { writeOnnx } from '../../lib/graph/onnx-writer.ts';
import { matMul } from '../../lib/graph/operators.ts';
import type { Provider } from '../../lib/ports/model.ts';
import { InferenceSession, Tensor } from '../../lib/runtime/onnxruntime.ts';
import { median, type Side, side, timed } from './interleave.ts';

/** A product of `[rows, inner]` and `[inner, columns]`, and one back to `[rows, inner]`. */
interface MatMulShape {
  rows: number;
  inner: number;
  columns: number;
}

/** Products of iGPT-S at batch 1 and 4, and square ones. The fastest of them is the machine's peak. */
const matMulShapes: readonly MatMulShape[] = [
  { rows: 4096, inner: 512, columns: 2048 },
  { rows: 4096, inner: 512, columns: 1536 },
  { rows: 1024, inner: 512, columns: 2048 },
  { rows: 1024, inner: 1024, columns: 1024 },
  { rows: 2048, inner: 2048, columns: 2048 },
];

/** Operations in a run: enough (about 0.1 s on a core) that the start of a run does not matter. */
const flopsPerRun = 40e9;
const probes = 3;

/** The fastest matrix product; its items are floating-point operations. */
export interface MatMulPeak extends Side {
  /** Shape of the product, for people. */
  shape: string;
}

/**
 * Finds the fastest plain MatMul of onnxruntime on this machine. With `prepack`, onnxruntime copies the weights into a
 * faster layout when the session opens; mapped checkpoints do without that copy.
 */
export async function matMulPeak(
  threads: number,
  prepack: boolean,
  { provider = 'cpu', half = false }: { provider?: Provider; half?: boolean } = {},
): Promise<MatMulPeak> {
  let best: { peak: MatMulPeak; rate: number } | undefined;
  for (const shape of matMulShapes) {
    const peak = await matMuls(shape, threads, prepack, provider, half);
    const seconds: number[] = [];
    for (let probe = 0; probe < probes; probe += 1) seconds.push(await peak.run());
    const rate = peak.items / median(seconds);
    if (best === undefined || rate > best.rate) best = { peak, rate };
  }
  if (best === undefined) throw new RangeError('Expected at least one shape, received none');
  return best.peak;
}

async function matMuls(
  { rows, inner, columns }: MatMulShape,
  threads: number,
  prepack: boolean,
  provider: Provider,
  half: boolean,
): Promise<MatMulPeak> {
  const pairs = Math.ceil(flopsPerRun / (4 * rows * inner * columns));
  const graph = createGraph('matmul');
  const small = (length: number): Float32Array => new Float32Array(length).map((_, i) => ((i % 17) - 8) * 1e-2);
  const up = addConstant(graph, 'up', small(inner * columns), [inner, columns]);
  const down = addConstant(graph, 'down', small(columns * inner), [columns, inner]);
  const ones = addConstant(graph, 'ones', new Float32Array(rows).fill(1), [1, rows]);
  let value = addInput(graph, 'x', 'float32', [rows, inner]);
  if (half) value = addNode(graph, 'Cast', [value], { to: { kind: 'int', value: onnxElementType.float16 } });
  for (let pair = 0; pair < pairs; pair += 1) value = matMul(graph, matMul(graph, value, up), down);
  // Summed to one row, because copying a large output would count.
  addOutput(graph, 'y', matMul(graph, ones, value), 'float32', [1, inner]);

  const session = await InferenceSession.create(writeOnnx(half ? halfGraph(graph) : graph), {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { disable_prepacking: prepack ? '0' : '1' } },
  });
  const x = new Tensor('float32', small(rows * inner), [rows, inner]);
  return {
    ...side(pairs * 4 * rows * inner * columns, () => timed(() => session.run({ x }))),
    shape: `[${rows}, ${inner}] x [${inner}, ${columns}]`,
  };
}
