import { availableParallelism } from 'node:os';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { withInput } from '../checkpoint/class-input.ts';
import { modelId } from '../checkpoint/model-id.ts';
import { requirePreprocessing } from '../checkpoint/preprocessor-file.ts';
import { moduleBeside } from '../files/module-beside.ts';
import { classInput, usedInput } from '../image-gpt/class-input.ts';
import type { ClassInput, FeatureNorm, Model, OutputName, Precision, Prediction, Provider } from '../ports/model.ts';
import { createBatcher } from './batcher.ts';
import { ModelError } from './error.ts';
import { gpuBatch } from './gpu-batch.ts';
import type { ThreadInfo, ThreadModel } from './model-thread.ts';
import { inPrecision } from './precision.ts';
import { selectOutputs } from './select-outputs.ts';
import { openThreadPool } from './thread-pool.ts';

export interface OpenModelOptions {
  /** Default: all that the checkpoint has. */
  outputs?: readonly OutputName[] | undefined;
  /** Layer of the features, 0 to n_layer (default: the checkpoint's). */
  featureLayer?: number | undefined;
  /** Default: the checkpoint's. */
  featureNorm?: FeatureNorm | undefined;
  /** What the classes are computed from (default: the checkpoint's). */
  input?: ClassInput | undefined;
  /** Whether JPEGs are decoded at reduced size; part of the id (default false). */
  scaledDecoding?: boolean | undefined;
  /** No fallback: a missing provider is an error (default `cpu`). */
  provider?: Provider | undefined;
  /** Number format of the computation; part of the id (default `f32`). */
  precision?: Precision | undefined;
  /** Folder of derived weights (default: see derivedFolder). */
  cache?: string | undefined;
  /** Faster, but each thread copies the weights; part of the id (default false). See SessionOptions. */
  prepack?: boolean | undefined;
  /** Threads, each with its own single-threaded session (default: one per core, on a GPU 1). */
  threads?: number | undefined;
  /** Largest number of pictures in a batch (default 1, on a GPU 32). */
  maxBatch?: number | undefined;
}

/** A model in threads of this process. */
export interface LocalModel extends Model, AsyncDisposable {
  /** What the outputs are computed from; see {@link usedInput}. */
  readonly input: ClassInput;
  /** Number of predictions in progress that keeps all threads busy. Further ones only wait. */
  readonly concurrency: number;
}

// On the CPU, a session computes pictures one by one (lib/graph/forward-graph.ts). A batch would only save messages
// between threads, about 0.05 ms each, and let threads finish at different times.
const cpuBatch = 1;

/** Batches of each thread: one in progress and one queued, so that the thread does not wait for the main thread. */
const batchesPerThread = 2;

/**
 * Opens a checkpoint for inference: one single-threaded session per thread, all on the same mapped weights. The calling
 * thread only passes messages.
 *
 * `predict` rejects with a TransientError when the thread of its batch stops or the execution fails. It rejects with a
 * ModelError for tokens that are no picture of this model. `close` waits for all predictions.
 *
 * @throws ModelError when the checkpoint cannot compute an output; ThreadUnusableError when the weights do not fit the
 * graph, or the provider is missing (`provider_unavailable`)
 */
export async function openModel(given: Checkpoint, options: OpenModelOptions = {}): Promise<LocalModel> {
  // Jobs record sos for every model without a choice, and those models refuse a choice.
  const unchanged = options.input === (classInput(given) ?? 'sos');
  const checkpoint = unchanged ? given : withInput(given, options.input);
  const { config, labels, classFunction } = checkpoint;
  const preprocessing = requirePreprocessing(checkpoint.directory, checkpoint.preprocessing);
  const {
    featureLayer = config.feature_layer,
    featureNorm = config.feature_norm,
    scaledDecoding = false,
    provider = 'cpu',
    precision = 'f32',
    prepack = false,
    threads = provider === 'cpu' ? availableParallelism() : 1,
    maxBatch = provider === 'cpu' ? cpuBatch : gpuBatch.verbs,
  } = options;
  if (!Number.isInteger(featureLayer) || featureLayer < 0 || featureLayer > config.n_layer) {
    throw new ModelError(
      'layer_out_of_range',
      `Expected a feature layer from 0 to ${config.n_layer}, the layers of ${checkpoint.name}; received ${featureLayer}.`,
    );
  }
  const outputs = selectOutputs(checkpoint, options.outputs);
  const precise = await inPrecision(checkpoint, precision, { folder: options.cache });
  const data: ThreadModel = {
    provider,
    batch: maxBatch,
    prepack,
    model: { config, weights: precise.checkpoint.weights, probe: checkpoint.probe },
    request: {
      classes: outputs.includes('classification'),
      likelihood: outputs.includes('likelihood'),
      features: outputs.includes('features') ? { layers: [featureLayer], norm: featureNorm, pool: 'mean' } : undefined,
    },
  };
  const hashing = modelId(checkpoint, {
    precision: precise.identity,
    outputs,
    featureLayer,
    featureNorm,
    scaledDecoding,
    prepack,
  });
  const opening = openThreadPool<ThreadInfo, readonly Uint16Array[], Prediction[]>({
    file: moduleBeside(import.meta.url, './model-thread'),
    data,
    threads,
  });
  // Wait for both even if one fails, so that the pool can be closed.
  const [hashed, opened] = await Promise.allSettled([hashing, opening]);
  if (opened.status === 'rejected') {
    throw opened.reason;
  }
  const pool = opened.value;
  if (hashed.status === 'rejected') {
    await pool.close();
    throw hashed.reason;
  }
  const maxInFlight = threads * batchesPerThread;
  const batcher = createBatcher({ maxBatch, threads, maxInFlight, perform: pool.execute });
  return {
    id: hashed.value,
    objective: config.objective,
    tokens: config.n_positions,
    preprocessing,
    outputs,
    featureLayer,
    featureNorm,
    input: usedInput(checkpoint, outputs),
    labels,
    classFunction,
    provider: pool.info.provider,
    precision,
    onnxruntime: pool.info.onnxruntime,
    concurrency: maxInFlight * maxBatch,
    async predict(tokens) {
      checkTokens(tokens, config.n_positions, config.n_colors);
      return batcher.submit(tokens);
    },
    close,
    [Symbol.asyncDispose]: close,
  };

  async function close(): Promise<void> {
    await batcher.drain();
    await pool.close();
  }
}

/** @throws {ModelError} `tokens_invalid` when `tokens` are not n values below `colors` */
export function checkTokens(tokens: Uint16Array, n: number, colors: number): void {
  if (!(tokens instanceof Uint16Array)) throw new ModelError('tokens_invalid', 'Expected tokens as a Uint16Array.');
  if (tokens.length !== n) {
    throw new ModelError('tokens_invalid', `Expected the ${n} tokens of a picture, received ${tokens.length}.`);
  }
  const outside = tokens.find((token) => token >= colors);
  if (outside !== undefined) {
    throw new ModelError('tokens_invalid', `Expected tokens from 0 to ${colors - 1}; received ${outside}.`);
  }
}
