import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../graph/forward-graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { shortestStrip } from '../graph/strips.ts';
import type { ImageGptWeights } from '../graph/weights.ts';
import { RuntimeError } from './error.ts';
import { type Input, type Output, openSession, type Provider } from './session.ts';
import { steadyThreads } from './steady-threads.ts';
import { withoutZeroBiases } from './zero-biases.ts';

export interface ForwardOptions {
  /** Threads at most; default 1. Fewer are used where more could change a bit of the result. */
  threads?: number;
  /** Default `cpu`. */
  provider?: Provider;
  /** Faster, for a private copy of the weights: see SessionOptions. Default false; matrices in 8 bits always are. */
  prepack?: boolean;
}

export interface Forward {
  /** Threads that are really used. */
  readonly threads: number;
  readonly provider: Provider;
  /**
   * Runs any number of pictures, one after the other, so that none depends on its neighbours. `tokens` [batch, n] in
   * raster order without SOS, 0..V-1; `mask` [batch, n], 1 = masked, BERT models only (default: nothing is masked).
   * Returns what was asked for: `features` [batch, k x d] or [batch, n, k x d], `classes` [batch, C] before softmax,
   * `likelihood` [batch, n] nats, `logits` [batch, n, V].
   *
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  run(tokens: Int32Array | Uint16Array, mask?: Uint8Array): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

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
  const graph = forwardGraph(
    { ...model, weights: await withoutZeroBiases(weights, neededBlocks(model, request)) },
    request,
  );
  const session = await openSession(writeOnnx(graph), {
    directory: weights.directory,
    threads,
    provider: options.provider ?? 'cpu',
    prepack: isQuantized(weights) || (options.prepack ?? false),
  });
  return {
    threads,
    provider: session.provider,
    async run(tokens, mask) {
      const batch = tokens.length / n;
      const ids = checkedTokens(tokens, n, colors);
      const masked = checkedMask(mask, tokens.length, bert);
      const outputs = new Map<string, Output>();
      for (let i = 0; i < batch; i++) {
        const range = [i * n, (i + 1) * n] as const;
        const inputs: Record<string, Input> = {
          tokens: { type: 'int32', data: ids.subarray(...range), dims: [1, n] },
          ...(bert && { mask: { type: 'bool', data: masked.subarray(...range), dims: [1, n] } }),
        };
        for (const [name, { data, dims }] of await session.run(inputs)) {
          const all = outputs.get(name) ?? {
            data: new Float32Array(batch * data.length),
            dims: [batch, ...dims.slice(1)],
          };
          all.data.set(data, i * data.length);
          outputs.set(name, all);
        }
      }
      return outputs;
    },
    close: () => session.close(),
  };
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
