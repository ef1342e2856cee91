import type { ClassInput, FeatureNorm, OutputName, Precision, Provider } from '../ports/model.ts';

/** Options of `openImageGpt`. Each has the command's default. */
export interface ImageGptOptions {
  /** Outputs to compute (default: all that the model has). */
  outputs?: readonly OutputName[] | undefined;
  /** Layer of the features, 0 to n_layer (default: the model's). */
  featureLayer?: number | undefined;
  /** Norm of the features (default: the model's). */
  featureNorm?: FeatureNorm | undefined;
  /** What the classes are computed from (default: the model's). */
  input?: ClassInput | undefined;
  /** Execution provider, without a fallback (default: `cpu`). */
  provider?: Provider | undefined;
  /** Number format of the computation (default: `f32`). */
  precision?: Precision | undefined;
  /** Threads, each with a session (default: one per core; on a GPU 1). */
  threads?: number | undefined;
  /** Child processes that decode pictures (default: one per core). */
  decoders?: number | undefined;
  /** Larger files fail with `image_too_large` (bytes; default 50,000,000). */
  maxBytes?: number | undefined;
  /** Pictures with more pixels fail with `image_too_large` (default 100,000,000). */
  maxPixels?: number | undefined;
  /** Most time to decode one picture (milliseconds; default 10,000). */
  decodeTimeoutMs?: number | undefined;
  /** Decode SVG too (default false). A small SVG file can take much processor time. */
  allowSvg?: boolean | undefined;
  /** Decode large JPEGs at a fraction of their size (default false); part of the model id. */
  scaledDecoding?: boolean | undefined;
  /** Called while a model of the hub is downloaded and imported (bytes). */
  onImport?: ((stage: 'downloading' | 'writing', done: number, total: number) => void) | undefined;
  /** Aborts the opening. */
  signal?: AbortSignal | undefined;
}

export interface CompletionOptions {
  /** How much to keep: a share of the n tokens from 0 to 1, or a number of tokens from 2 (default 0.5). */
  keep?: number | undefined;
  /** Completions (default 8). */
  count?: number | undefined;
  /** The same seed gives the same completions (default 0). */
  seed?: number | undefined;
  /** 0: always the likeliest token; 1: the model's own probabilities (default 1). */
  temperature?: number | undefined;
  /** Choose among this many likeliest tokens (default and 0: all). */
  topK?: number | undefined;
  /** Choose among the likeliest tokens that together have this probability (default 1). */
  topP?: number | undefined;
  /** Called after every step with the number of tokens sampled so far and in all. */
  onProgress?: ((sampled: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}
