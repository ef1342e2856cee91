import { addConstant, addInput, addNode, addOutput, createGraph, onnxElementType } from '../../lib/graph/graph.ts';
import { halfGraph } from '../../lib/graph/half-graph.ts';
import { writeOnnx } from '../../lib/graph/onnx-writer.ts';
import { matMul } from '../../lib/graph/operators.ts';
import type { Provider } from '../../lib/ports/model.ts';
import { InferenceSession, Tensor } from '../../lib/runtime/onnxruntime.ts';
import { median, type Side, side, timed } from './interleave.ts';

/** [rows, inner] x [inner, columns], and back. */
interface MatMulShape {
  rows: number;
  inner: number;
  columns: number;
}

/** iGPT-S's own products at batch 1 and 4, and square ones: whichever the machine likes best is its peak. */
const SHAPES: readonly MatMulShape[] = [
  { rows: 4096, inner: 512, columns: 2048 },
  { rows: 4096, inner: 512, columns: 1536 },
  { rows: 1024, inner: 512, columns: 2048 },
  { rows: 1024, inner: 1024, columns: 1024 },
  { rows: 2048, inner: 2048, columns: 2048 },
];

/** Operations in a run: long enough (about 0.1 s a core) that starting it does not count. */
const RUN_FLOPS = 40e9;
const PROBES = 3;

/** A way to multiply matrices; its items are floating-point operations. */
export interface MatMulPeak extends Side {
  /** What was found fastest, in words. */
  words: string;
}

/**
 * The fastest plain MatMul that onnxruntime has here. With `prepack`, its weights are laid out anew when the session
 * opens (a private copy, which a mapped checkpoint does without).
 */
export async function matMulPeak(
  threads: number,
  prepack: boolean,
  { provider = 'cpu', half = false }: { provider?: Provider; half?: boolean } = {},
): Promise<MatMulPeak> {
  let best: { peak: MatMulPeak; rate: number } | undefined;
  for (const shape of SHAPES) {
    const peak = await matMuls(shape, threads, prepack, provider, half);
    const seconds: number[] = [];
    for (let probe = 0; probe < PROBES; probe += 1) seconds.push(await peak.run());
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
  const pairs = Math.ceil(RUN_FLOPS / (4 * rows * inner * columns));
  const graph = createGraph('matmul');
  const small = (length: number): Float32Array => new Float32Array(length).map((_, i) => ((i % 17) - 8) * 1e-2);
  const up = addConstant(graph, 'up', small(inner * columns), [inner, columns]);
  const down = addConstant(graph, 'down', small(columns * inner), [columns, inner]);
  const ones = addConstant(graph, 'ones', new Float32Array(rows).fill(1), [1, rows]);
  let value = addInput(graph, 'x', 'float32', [rows, inner]);
  if (half) value = addNode(graph, 'Cast', [value], { to: { kind: 'int', value: onnxElementType.float16 } });
  for (let pair = 0; pair < pairs; pair += 1) value = matMul(graph, matMul(graph, value, up), down);
  // Summed to one row, since a large output would be copied and timed too.
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
    words: `[${rows}, ${inner}] x [${inner}, ${columns}]`,
  };
}
