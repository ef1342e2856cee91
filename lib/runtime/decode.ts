import { cacheNames, decodeStepGraph, prefillGraph } from '../graph/decode-graphs.ts';
import type { ImageGptModel } from '../graph/forward-graph.ts';
import type { Graph } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import { shortestStrip } from '../graph/strips.ts';
import type { QuantizedBlock } from '../graph/weights.ts';
import { invalidInput, RuntimeError } from './error.ts';
import { checkedTokens, isQuantized } from './forward.ts';
import { createKeyValueCache } from './key-value-cache.ts';
import { type Input, type Output, openSession, type Session, steadyThreads } from './session.ts';
import { withoutZeroBiases } from './zero-biases.ts';

export interface DecoderOptions {
  /** Given tokens of each sample, k: 0 to n - 1. */
  keep: number;
  /** Samples that are decoded together. */
  batch: number;
  /** Largest number of threads (default 1). Fewer are used where more could change a bit of the result. */
  threads?: number | undefined;
}

export interface Decoder {
  readonly batch: number;
  /** Position of the token that the last logits predict: k after `prime`, one more after each step. */
  readonly position: number;
  /**
   * Restarts with the given tokens [batch, k]. Returns logits [batch, V] of the token at position k. A sample with the
   * same tokens as the one before costs nothing.
   *
   * @throws RuntimeError
   */
  prime(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Takes the tokens [batch] chosen for the last position. Returns logits [batch, V] of the next token. A sample's
   * logits do not depend on the other samples.
   *
   * @throws RuntimeError
   */
  step(tokens: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens an autoregressive model for sampling on the CPU. The given tokens are read in one pass, then one token per
 * step. The keys and values of earlier steps are cached (see {@link createKeyValueCache}).
 *
 * @throws GraphError when the checkpoint has no lm_head; RuntimeError
 */
export async function openDecoder(model: ImageGptModel, options: DecoderOptions): Promise<Decoder> {
  const { config } = model;
  const { keep, batch } = options;
  const { n_positions: n, n_colors: colors, n_layer, n_head, n_embd } = config;
  const headSize = n_embd / n_head;
  if (config.objective === 'bert') {
    throw invalidInput('Expected an autoregressive model to sample from, received a BERT model.');
  }
  if (model.weights.blocks.some(({ quantized }) => quantized && sharesScale(quantized))) {
    throw invalidInput(
      'Expected int8-block or f32 for sampling, received int8: its one scale per step would make samples depend on each other.',
    );
  }
  if (!Number.isInteger(keep) || keep < 0 || keep >= n) {
    throw invalidInput(`Expected 0 to ${n - 1} given tokens, received ${keep}.`);
  }
  const weights = await withoutZeroBiases(model.weights);
  /** SOS and the given tokens. */
  const length = keep + 1;
  const wanted = options.threads ?? 1;
  const session = (graph: Graph, rows: number): Promise<Session> =>
    openSession(writeOnnx(graph), {
      directory: weights.directory,
      threads: steadyThreads(config, wanted, rows),
      prepack: isQuantized(weights),
    });
  const prefill = await session(prefillGraph({ config, weights }, length), shortestStrip(config, length));
  const stepper = await session(decodeStepGraph({ config, weights }, batch), batch);
  const cache = createKeyValueCache(config, batch);

  async function prefillOne(given: Int32Array): Promise<{ logits: Float32Array; rows: Float32Array }> {
    const tokens = new Int32Array(length);
    tokens.set(given);
    const outputs = await prefill.execute({ tokens: { type: 'int32', data: tokens, dims: [1, length] } });
    return { logits: data(outputs, 'logits'), rows: data(outputs, 'rows') };
  }

  return {
    batch,
    get position() {
      return cache.filled - 1;
    },
    async prime(tokens) {
      if (tokens.length !== batch * keep) {
        throw invalidInput(`Expected ${batch} x ${keep} tokens, received ${tokens.length}.`);
      }
      if (keep > 0) checkedTokens(tokens, keep, colors);
      cache.reset(length + 1);
      const logits = new Float32Array(batch * colors);
      let last: { given: Int32Array; logits: Float32Array; rows: Float32Array } | undefined;
      for (let sample = 0; sample < batch; sample++) {
        const given = tokens.subarray(sample * keep, (sample + 1) * keep);
        if (last === undefined || !given.every((token, i) => token === last?.given[i])) {
          last = { given, ...(await prefillOne(given)) };
        }
        cache.writeSample(sample, last.rows, length);
        logits.set(last.logits, sample * colors);
      }
      cache.fill(length);
      return logits;
    },
    async step(tokens) {
      if (tokens.length !== batch) {
        throw invalidInput(`Expected ${batch} tokens, received ${tokens.length}.`);
      }
      checkedTokens(tokens, batch, colors);
      if (cache.filled === 0 || cache.filled >= n) {
        throw invalidInput(
          `Expected a decoder that has read 1 to ${n - 1} positions, received one that has read ${cache.filled}: call prime first.`,
        );
      }
      const { filled, capacity } = cache;
      const inputs: Record<string, Input> = {
        tokens: { type: 'int32', data: tokens, dims: [batch] },
        position: { type: 'int32', data: Int32Array.of(filled), dims: [1] },
        visible: {
          type: 'float32',
          data: new Float32Array(capacity).fill(Number.NEGATIVE_INFINITY, filled),
          dims: [1, 1, 1, capacity],
        },
      };
      const dims = [batch, n_head, capacity, headSize];
      const buffers = cache.buffers();
      for (let layer = 0; layer < n_layer; layer++) {
        const { keys, values } = cacheNames(layer);
        inputs[keys] = { type: 'float32', data: buffers[2 * layer] ?? new Float32Array(), dims };
        inputs[values] = { type: 'float32', data: buffers[2 * layer + 1] ?? new Float32Array(), dims };
      }
      const outputs = await stepper.execute(inputs);
      cache.append(data(outputs, 'rows'));
      return data(outputs, 'logits');
    },
    async close() {
      await Promise.all([prefill.close(), stepper.close()]);
    },
  };
}

/** Whether rows that are multiplied together share a scale. */
function sharesScale({ attention, attentionProjection, fc, mlpProjection }: QuantizedBlock): boolean {
  return [attention, attentionProjection, fc, mlpProjection].some(({ format }) => format === 'int8');
}

function data(outputs: ReadonlyMap<string, Output>, name: string): Float32Array {
  const output = outputs.get(name);
  if (output === undefined)
    throw new RuntimeError('run_failed', `Expected the output ${name} from the graph, received none.`);
  return output.data;
}
