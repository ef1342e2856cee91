import { listWeights } from '../checkpoint/weights-by-role.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../graph/forward-graph.ts';
import type { Graph } from '../graph/graph.ts';
import { halfGraph } from '../graph/half-graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { shortestStrip } from '../graph/strips.ts';
import type { ImageGptWeights } from '../graph/weights.ts';
import type { Provider } from '../ports/model.ts';
import { invalidInput, RuntimeError } from './error.ts';
import { gpuBatch } from './gpu-batch.ts';
import { type Input, type Output, openSession, steadyThreads } from './session.ts';
import { withoutZeroBiases } from './zero-biases.ts';

export interface ForwardOptions {
  /** Largest number of threads (default 1). Fewer are used where more could change a bit of the result. */
  threads?: number | undefined;
  /** Default `cpu`. */
  provider?: Provider | undefined;
  /** Pictures of a batch on a GPU (default 32). Blank pictures fill up a smaller batch, so shapes are constant. */
  batch?: number | undefined;
  /** See SessionOptions (default false). 8-bit matrices are always prepacked. */
  prepack?: boolean | undefined;
}

export interface Forward extends AsyncDisposable {
  /** Threads in use. */
  readonly threads: number;
  /** Pictures of a batch. */
  readonly batch: number;
  readonly provider: Provider;
  /**
   * Computes the requested outputs of any number of pictures, N: on a CPU one by one, so that none depends on others,
   * on a GPU in batches. `tokens` [N, n] in raster order without SOS, 0..V-1; `mask` [N, n], 1 = masked, BERT models
   * only (default: nothing is masked).
   *
   * Outputs: `features` [N, k x d] or [N, n, k x d], `classes` [N, C] before softmax, `likelihood` [N, n] (nats),
   * `logits` [N, n, V].
   *
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  execute(tokens: Int32Array | Uint16Array, mask?: Uint8Array): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/**
 * Opens a model for the outputs of `request`.
 *
 * @throws GraphError when the checkpoint lacks the weights of an output; RuntimeError
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
  const batch = provider === 'cpu' ? 1 : (options.batch ?? gpuBatch.verbs);
  const lean = { ...model, weights: await withoutZeroBiases(weights, neededBlocks(model, request)) };
  const graph = provider === 'cpu' ? forwardGraph(lean, request) : gpuGraph(lean, request, provider, batch);
  const session = await openSession(writeOnnx(graph), {
    directory: weights.directory,
    threads,
    provider,
    prepack: isQuantized(weights) || (options.prepack ?? false),
  });
  return {
    threads,
    batch,
    provider: session.provider,
    async execute(tokens, mask) {
      const total = tokens.length / n;
      const ids = checkedTokens(tokens, n, colors);
      const masked = checkedMask(mask, tokens.length, bert) ?? new Uint8Array(bert ? tokens.length : 0);
      const outputs = new Map<string, Output>();
      for (let first = 0; first < total; first += batch) {
        const count = Math.min(batch, total - first);
        const range = [first * n, (first + count) * n] as const;
        const dims = [batch, n];
        const inputs: Record<string, Input> = {
          tokens: { type: 'int32', data: filledUp(ids.subarray(...range), batch * n, Int32Array), dims },
          ...(bert && {
            mask: { type: 'bool', data: filledUp(masked.subarray(...range), batch * n, Uint8Array), dims },
          }),
        };
        for (const [name, { data, dims }] of await session.execute(inputs)) {
          const size = data.length / batch;
          const all = outputs.get(name) ?? {
            data: new Float32Array(total * size),
            dims: [total, ...dims.slice(1)],
          };
          all.data.set(data.subarray(0, count * size), first * size);
          outputs.set(name, all);
        }
      }
      return outputs;
    },
    close: () => session.close(),
    [Symbol.asyncDispose]: () => session.close(),
  };
}

/** `values`, padded with zeros to `length`. */
function filledUp<T extends Int32Array | Uint8Array>(values: T, length: number, Kind: new (length: number) => T): T {
  if (values.length === length) return values;
  const all = new Kind(length);
  all.set(values);
  return all;
}

/** Whether blocks have 8-bit matrices, whose kernels are slow unless the matrices are prepacked. */
export function isQuantized({ blocks }: ImageGptWeights): boolean {
  return blocks.some(({ quantized }) => quantized !== undefined);
}

/** Number of blocks that the outputs depend on. */
function neededBlocks({ config, probe }: ImageGptModel, request: ForwardRequest): number {
  const { features, classes = false, likelihood = false, logits = false } = request;
  return Math.max(
    ...(features?.layers ?? [0]),
    ...(classes ? (probe?.layers ?? [config.n_layer]) : [0]),
    likelihood || logits ? config.n_layer : 0,
  );
}

/** Tokens as int32, each in 0..V-1: a wrong one would read another row of the embedding, or memory outside it. */
export function checkedTokens(tokens: Int32Array | Uint16Array, n: number, colors: number): Int32Array {
  if (tokens.length === 0 || tokens.length % n !== 0) {
    throw invalidInput(`Expected pictures of ${n} tokens, received ${tokens.length} tokens.`);
  }
  const wrong = tokens.findIndex((token) => token < 0 || token >= colors);
  if (wrong >= 0) {
    throw invalidInput(
      `Expected tokens from 0 to ${colors - 1}, received ${tokens[wrong]} in picture ${Math.floor(wrong / n)}.`,
    );
  }
  return tokens instanceof Int32Array ? tokens : Int32Array.from(tokens);
}

/** A mask [N, n] of 0 and 1 for a BERT model. `length` is N x n. */
export function checkedMask(mask: Uint8Array | undefined, length: number, bert: boolean): Uint8Array | undefined {
  if (mask === undefined) return undefined;
  if (!bert) throw invalidInput('Expected no mask, which is for BERT models only; this model is autoregressive.');
  if (mask.length !== length || mask.some((value) => value > 1)) {
    throw invalidInput(`Expected a mask of ${length} values 0 or 1, received ${mask.length} values.`);
  }
  return mask;
}

/**
 * The forward graph for batches of `pictures` on a GPU, in 16 bits if all weights are.
 *
 * @throws RuntimeError `precision_unavailable` for 8 bits, which onnxruntime would compute on the CPU
 */
export function gpuGraph(
  model: ImageGptModel,
  request: ForwardRequest,
  provider: Exclude<Provider, 'cpu'>,
  pictures: number,
): Graph {
  if (isQuantized(model.weights)) {
    throw new RuntimeError(
      'precision_unavailable',
      `Expected f16 or f32 on ${provider}, received int8 or int8-block: choose --precision f16, or --provider cpu.`,
    );
  }
  const half = listWeights(model.weights).every(({ dtype }) => dtype === 'F16');
  // CUDA has GroupQueryAttention in 16 bits only: onnxruntime would compute it on the CPU in 32 bits. Source:
  // onnxruntime 1.30, contrib_ops/cuda/bert/group_query_attention.cc, REGISTER_KERNEL_TYPED.
  const graph = forwardGraph(model, request, { pictures, attention: provider === 'cuda' && half ? 'fused' : 'plain' });
  return half ? halfGraph(graph) : graph;
}
