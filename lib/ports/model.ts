/** What a model can compute of a picture. */
export const outputNames = ['classification', 'features', 'likelihood'] as const;

export type OutputName = (typeof outputNames)[number];

/** What the model saw in one picture; an output that was not asked for is absent. */
export interface Prediction {
  /** Class logits [C], before softmax. */
  classLogits?: Float32Array;
  /** Pooled features [d] (several layers: concatenated). */
  features?: Float32Array;
  /** Nats per token, mean over n. */
  nats?: number;
  /** Nats of each token [n], in raster order: where `nats` comes from, for those who draw it. */
  natsOfTokens?: Float32Array;
}

/** A loaded iGPT. */
export interface Model {
  /** `<name>-<hash>`: the hash covers the weights, probe, palette and every option that changes a result. */
  readonly id: string;
  readonly objective: Objective;
  /** Tokens in a picture, n. */
  readonly tokens: number;
  readonly preprocessing: Preprocessing;
  readonly outputs: readonly OutputName[];
  readonly featureLayer: number;
  readonly featureNorm: FeatureNorm;
  readonly labels: readonly string[];
  /** How the numbers were made, for the record. */
  readonly provider: string;
  readonly precision: string;
  readonly onnxruntime: string;
  /** Predicts one picture; batching happens inside. `tokens` is [n] in raster order, without SOS. */
  predict(tokens: Uint16Array): Promise<Prediction>;
  close(): Promise<void>;
}

/** What an iGPT was trained to predict: the next token, or the masked ones (paper section 2.1). */
export type Objective = 'ar' | 'bert';

/** `none`: the whole picture is squashed, as Hugging Face does. `short-224-center`: short side to 224, then the centre 224 x 224, as the paper evaluates. */
export type Crop = 'none' | 'short-224-center';

/** Pillow's filter numbers, as `resample` in preprocessor_config.json: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming. */
export type Resample = 0 | 1 | 2 | 3 | 4 | 5;

/** The norm that a pooled feature has passed: `raw` is the residual stream h^l itself, `next` is after ln_1 of block l (ln_f for l = n_layer). */
export const featureNorms = ['raw', 'next'] as const;

export type FeatureNorm = (typeof featureNorms)[number];

/** How a picture becomes tokens; read from the checkpoint and nowhere else. */
export interface Preprocessing {
  /** Input resolution, pixels. */
  height: number;
  width: number;
  resample: Resample;
  crop: Crop;
  /** Colour clusters [V, 3] in [-1, 1]. */
  palette: Float32Array;
}

/**
 * Number formats that a model runs in. `f32` is the checkpoint as it stands; the others read a file derived from it:
 * `int8` matrices by column with activations rounded as they come, `int8-block` by blocks of 128 inputs with rows
 * that do not depend on each other, `f16` for GPUs.
 */
export const precisions = ['f32', 'int8', 'int8-block', 'f16'] as const;

export type Precision = (typeof precisions)[number];

/** Where a graph runs; always chosen by name, as onnxruntime does not fall back by itself. */
export const providers = ['cpu', 'cuda', 'webgpu'] as const;

export type Provider = (typeof providers)[number];
