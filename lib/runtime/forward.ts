import { listWeights } from '../checkpoint/weights-by-role.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../graph/forward-graph.ts';
import type { Graph } from '../graph/graph.ts';
import { halfGraph } from '../graph/half-graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { shortestStrip } from '../graph/strips.ts';
import type { ImageGptWeights } from '../graph/weights.ts';
import type { Provider } from '../ports/model.ts';
import { RuntimeError } from './error.ts';
import { type Input, type Output, openSession, steadyThreads } from './session.ts';
import { withoutZeroBiases } from './zero-biases.ts';

export interface ForwardOptions {
  /** Threads at most; default 1. Fewer are used where more could change a bit of the result. */
  threads?: number;
  /** Default `cpu`. */
  provider?: Provider;
  /** Pictures in one run on a GPU; fewer are filled up with blank ones, so that shapes never change. Default 32. */
  batch?: number;
  /** Faster, for a private copy of the weights: see SessionOptions. Default false; matrices in 8 bits always are. */
  prepack?: boolean;
}

export interface Forward {
  /** Threads that are really used. */
  readonly threads: number;
  /** Pictures that go through the graph side by side. */
  readonly batch: number;
  readonly provider: Provider;
  /**
   * Runs any number of pictures: on a CPU one after the other, so that none depends on its neighbours, on a GPU side by
   * side. `tokens` [batch, n] in raster order without SOS, 0..V-1; `mask` [batch, n], 1 = masked, BERT models only (default: nothing is masked).
   * Returns what was asked for: `features` [batch, k x d] or [batch, n, k x d], `classes` [batch, C] before softmax,
   * `likelihood` [batch, n] nats, `logits` [batch, n, V].
   *
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  run(tokens: Int32Array | Uint16Array, mask?: Uint8Array): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/** Enough to fill a large GPU with iGPT-S; L's widest value takes 32 x 1,024 x 6,144 x 2 bytes = 0.4 GB. */
const GPU_BATCH = 32;

/**
 * Opens a model for the outputs of `request`.
 *
 * @throws GraphError when the checkpoint does not have them; RuntimeError
 */
export async function openForward(
  model: ImageGptModel,
  request: ForwardRequest,
  options: ForwardOptions = {},
): Promise<Forward> {
  const { config, weights } = model;
  const { n_positions: n, n_colors: colors } = config;
  const bert = config.objective === 'bert';
  const threads = steadyThreads(config, options.threads ?? 1, bert ? n : shortestStrip(config, n));
  const { provider = 'cpu' } = options;
  const side = provider === 'cpu' ? 1 : (options.batch ?? GPU_BATCH);
  const bare = { ...model, weights: await withoutZeroBiases(weights, neededBlocks(model, request)) };
  const graph = provider === 'cpu' ? forwardGraph(bare, request) : gpuGraph(bare, request, provider, side);
  const session = await openSession(writeOnnx(graph), {
    directory: weights.directory,
    threads,
    provider,
    prepack: isQuantized(weights) || (options.prepack ?? false),
  });
  return {
    threads,
    batch: side,
    provider: session.provider,
    async run(tokens, mask) {
      const batch = tokens.length / n;
      const ids = checkedTokens(tokens, n, colors);
      const masked = checkedMask(mask, tokens.length, bert);
      const outputs = new Map<string, Output>();
      for (let first = 0; first < batch; first += side) {
        const count = Math.min(side, batch - first);
        const range = [first * n, (first + count) * n] as const;
        const dims = [side, n];
        const inputs: Record<string, Input> = {
          tokens: { type: 'int32', data: filledUp(ids.subarray(...range), side * n, Int32Array), dims },
          ...(bert && {
            mask: { type: 'bool', data: filledUp(masked.subarray(...range), side * n, Uint8Array), dims },
          }),
        };
        for (const [name, { data, dims }] of await session.run(inputs)) {
          const size = data.length / side;
          const all = outputs.get(name) ?? {
            data: new Float32Array(batch * size),
            dims: [batch, ...dims.slice(1)],
          };
          all.data.set(data.subarray(0, count * size), first * size);
          outputs.set(name, all);
        }
      }
      return outputs;
    },
    close: () => session.close(),
  };
}

/** `values`, with zeros behind them where they are too few. */
function filledUp<T extends Int32Array | Uint8Array>(values: T, length: number, Kind: new (length: number) => T): T {
  if (values.length === length) return values;
  const all = new Kind(length);
  all.set(values);
  return all;
}

/** Whether blocks hold matrices in 8 bits: their kernels are slow on matrices that are not laid out for them. */
export function isQuantized({ blocks }: ImageGptWeights): boolean {
  return blocks.some(({ quantized }) => quantized !== undefined);
}

/** Blocks that the outputs go through; what lies above them is not read. */
function neededBlocks({ config, probe }: ImageGptModel, request: ForwardRequest): number {
  const { features, classes = false, likelihood = false, logits = false } = request;
  return Math.max(
    ...(features?.layers ?? [0]),
    ...(classes ? (probe?.layers ?? [config.n_layer]) : [0]),
    likelihood || logits ? config.n_layer : 0,
  );
}

/** Tokens as int32, each in 0..V-1: a wrong one would read another row of the embedding, or none. */
export function checkedTokens(tokens: Int32Array | Uint16Array, n: number, colors: number): Int32Array {
  if (tokens.length === 0 || tokens.length % n !== 0) {
    throw new RuntimeError('input_invalid', `Expected pictures of ${n} tokens, received ${tokens.length} tokens.`);
  }
  const wrong = tokens.findIndex((token) => token < 0 || token >= colors);
  if (wrong >= 0) {
    throw new RuntimeError(
      'input_invalid',
      `Expected tokens from 0 to ${colors - 1}, received ${tokens[wrong]} in picture ${Math.floor(wrong / n)}.`,
    );
  }
  return tokens instanceof Int32Array ? tokens : Int32Array.from(tokens);
}

function checkedMask(mask: Uint8Array | undefined, length: number, bert: boolean): Uint8Array {
  if (mask === undefined) return new Uint8Array(bert ? length : 0);
  if (!bert) {
    throw new RuntimeError('input_invalid', 'A mask is for BERT models; this model is autoregressive.');
  }
  if (mask.length !== length || mask.some((value) => value > 1)) {
    throw new RuntimeError('input_invalid', `Expected a mask of ${length} values 0 or 1, received ${mask.length}.`);
  }
  return mask;
}

/**
 * The forward graph for a GPU: `pictures` side by side, in 16 bits throughout when all weights are.
 *
 * @throws RuntimeError `precision_unavailable` for 8 bits, which the GPU providers would hand back to the processor
 */
export function gpuGraph(
  model: ImageGptModel,
  request: ForwardRequest,
  provider: Exclude<Provider, 'cpu'>,
  pictures: number,
): Graph {
  if (model.weights.blocks.some(({ quantized }) => quantized !== undefined)) {
    throw new RuntimeError(
      'precision_unavailable',
      `int8 and int8-block run on cpu; received ${provider}: use f16 or f32 there.`,
    );
  }
  const half = listWeights(model.weights).every(({ dtype }) => dtype === 'F16');
  // CUDA's GroupQueryAttention is for 16 bits only; in 32 onnxruntime would hand it to the processor, unasked. Source:
  // onnxruntime 1.30, contrib_ops/cuda/bert/group_query_attention.cc, REGISTER_KERNEL_TYPED.
  const graph = forwardGraph(model, request, { pictures, attention: provider === 'cuda' && half ? 'fused' : 'plain' });
  return half ? halfGraph(graph) : graph;
}
