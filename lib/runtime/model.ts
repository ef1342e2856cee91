import { availableParallelism } from 'node:os';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { modelId } from '../checkpoint/model-id.ts';
import type { FeatureNorm, Model, OutputName, Precision, Prediction, Preprocessing, Provider } from '../ports/model.ts';
import { createBatcher } from './batcher.ts';
import { ModelError } from './error.ts';
import type { ThreadInfo, ThreadModel } from './model-thread.ts';
import { inPrecision } from './precision.ts';
import { selectOutputs } from './select-outputs.ts';
import { openThreadPool } from './thread-pool.ts';

export interface OpenModelOptions {
  /** What to compute. Default: everything that the checkpoint has. */
  outputs?: readonly OutputName[] | undefined;
  /** Layer of the features, 0 to n_layer. Default: the checkpoint's. */
  featureLayer?: number | undefined;
  /** Default: the checkpoint's. */
  featureNorm?: FeatureNorm | undefined;
  /** Whether the JPEGs will have been decoded at reduced size; a part of the id. Default false. */
  scaledDecoding?: boolean;
  /** Where the graph runs; never another one instead. Default `cpu`. */
  provider?: Provider;
  /** Number format of the computation; a part of the id. Default `f32`. */
  precision?: Precision;
  /** Where derived weights are kept. Default: see derivedFolder. */
  cache?: string;
  /** Each worker copies the weights into its kernels' layout: faster, for that memory; a part of the id. Default false. */
  prepack?: boolean;
  /** Threads, each with a session that computes on it alone. Default: as many as the machine can run at once, 1 on a GPU. */
  workers?: number | undefined;
  /** Pictures handed to a worker at once, and side by side on a GPU. Default 1, on a GPU 32. */
  maxBatch?: number;
  /** How long a picture waits for others to fill a batch while a worker is idle, ms. Default 0. */
  maxWaitMs?: number;
}

/** A model in worker threads of this process. */
export interface LocalModel extends Model {
  /** Predictions to keep under way so that no worker ever waits: more only wait in line. */
  readonly concurrency: number;
}

// A session computes one picture a run, which is as fast as several (lib/graph/forward-graph.ts). So a batch would only
// save messages between threads, about 0.05 ms each, at the price of an uneven end.
const defaultMaxBatch = 1;

/** Enough to fill a large GPU with iGPT-S. */
const defaultGpuBatch = 32;

/** Batches that each worker has at hand, one in work and one behind it: it never waits for the main thread. */
const batchesPerWorker = 2;

/**
 * Opens a checkpoint for inference: one single-threaded session in each worker thread, all on the same mapped weights.
 * The calling thread only passes messages.
 *
 * `predict` rejects with a TransientError when a worker dies on its batch or a run fails, with a ModelError for tokens
 * that are no picture of this model; `close` finishes everything that was asked for.
 *
 * @throws ModelError when the checkpoint has not what is asked for; ThreadUnusableError when graph and weights don't
 * fit, or the provider cannot be had (`provider_unavailable`)
 */
export async function openModel(checkpoint: Checkpoint, options: OpenModelOptions = {}): Promise<LocalModel> {
  const { config, labels } = checkpoint;
  const preprocessing = preprocessingOf(checkpoint);
  const {
    featureLayer = config.feature_layer,
    featureNorm = config.feature_norm,
    scaledDecoding = false,
    provider = 'cpu',
    precision = 'f32',
    prepack = false,
    workers = provider === 'cpu' ? availableParallelism() : 1,
    maxBatch = provider === 'cpu' ? defaultMaxBatch : defaultGpuBatch,
    maxWaitMs = 0,
  } = options;
  if (!Number.isInteger(featureLayer) || featureLayer < 0 || featureLayer > config.n_layer) {
    throw new ModelError(
      'layer_out_of_range',
      `Expected a feature layer from 0 to ${config.n_layer}, the layers of ${checkpoint.name}; received ${featureLayer}.`,
    );
  }
  const outputs = selectOutputs(checkpoint, options.outputs);
  const precise = await inPrecision(
    checkpoint,
    precision,
    options.cache === undefined ? {} : { folder: options.cache },
  );
  const data: ThreadModel = {
    provider,
    batch: maxBatch,
    prepack,
    model: {
      config,
      weights: precise.checkpoint.weights,
      ...(checkpoint.probe && { probe: checkpoint.probe }),
    },
    request: {
      classes: outputs.includes('classification'),
      likelihood: outputs.includes('likelihood'),
      ...(outputs.includes('features') && { features: { layers: [featureLayer], norm: featureNorm, pool: 'mean' } }),
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
    file: new URL('./model-thread.ts', import.meta.url),
    data,
    workers,
  });
  // Both are waited for even when one fails, so that nothing is left open.
  const [hashed, opened] = await Promise.allSettled([hashing, opening]);
  if (opened.status === 'rejected') {
    throw opened.reason;
  }
  const pool = opened.value;
  if (hashed.status === 'rejected') {
    await pool.close();
    throw hashed.reason;
  }
  const batcher = createBatcher({
    maxBatch,
    maxWaitMs,
    workers,
    maxInFlight: workers * batchesPerWorker,
    run: pool.run,
  });
  return {
    id: hashed.value,
    objective: config.objective,
    tokens: config.n_positions,
    preprocessing,
    outputs,
    featureLayer,
    featureNorm,
    labels,
    provider: pool.info.provider,
    precision,
    onnxruntime: pool.info.onnxruntime,
    concurrency: workers * batchesPerWorker * maxBatch,
    async predict(tokens) {
      refuseUnlessTokens(tokens, config.n_positions, config.n_colors);
      return batcher.submit(tokens);
    },
    async close() {
      await batcher.drain();
      await pool.close();
    },
  };
}

/**
 * How a checkpoint's pictures become tokens.
 *
 * @throws ModelError `preprocessing_missing` when it does not say
 */
export function preprocessingOf({ name, preprocessing }: Checkpoint): Preprocessing {
  if (preprocessing !== undefined) return preprocessing;
  throw new ModelError(
    'preprocessing_missing',
    `${name} has no preprocessor_config.json, so it cannot read pictures; give it tokens with igpt forward.`,
  );
}

function refuseUnlessTokens(tokens: Uint16Array, n: number, colors: number): void {
  if (tokens.length !== n) {
    throw new ModelError('tokens_invalid', `Expected ${n} tokens, a whole picture; received ${tokens.length}.`);
  }
  const outside = tokens.find((token) => token >= colors);
  if (outside !== undefined) {
    throw new ModelError('tokens_invalid', `Expected tokens from 0 to ${colors - 1}; received ${outside}.`);
  }
}
