/** What a model can compute for a picture. */
export const outputNames = ['classification', 'features', 'likelihood'] as const;

export type OutputName = (typeof outputNames)[number];

/** The model's outputs for one picture. An output that was not requested is absent. */
export interface Prediction {
  /** Class logits [C], before softmax or sigmoids. */
  classLogits?: Float32Array | undefined;
  /** Pooled features [d]; those of several layers are concatenated. */
  features?: Float32Array | undefined;
  /** Nats per token, mean over the n tokens. */
  nats?: number | undefined;
  /** Nats of each token [n], in raster order; `nats` is their mean. Surprise maps draw them. */
  natsOfTokens?: Float32Array | undefined;
}

/** A loaded iGPT. */
export interface Model {
  /** `<name>-<hash>`. The hash covers weights, probe, palette and every option that changes a result. */
  readonly id: string;
  readonly objective: Objective;
  /** Tokens of a picture, n. */
  readonly tokens: number;
  readonly preprocessing: Preprocessing;
  readonly outputs: readonly OutputName[];
  readonly featureLayer: number;
  readonly featureNorm: FeatureNorm;
  readonly labels: readonly string[];
  readonly classFunction: ClassFunction;
  /** How the numbers were computed; recorded in the outcome. */
  readonly provider: string;
  readonly precision: string;
  readonly onnxruntime: string;
  /** Predicts one picture. The model forms batches itself. `tokens` is [n] in raster order, without SOS. */
  predict(tokens: Uint16Array): Promise<Prediction>;
  close(): Promise<void>;
}

/**
 * How class logits become probabilities: `softmax` if a picture has one class, `sigmoid` if each label is a yes or no.
 */
export type ClassFunction = 'softmax' | 'sigmoid';

/** What an iGPT was trained to predict: the next token (`ar`), or masked tokens (`bert`). Paper, section 2.1. */
export type Objective = 'ar' | 'bert';

/**
 * What the class head of an autoregressive model reads. Likelihood and features are behind SOS in both cases.
 *
 * - `sos`: the start token and all tokens but the last, as in OpenAI's code (src/model.py).
 * - `plain`: the tokens as they are, as transformers' processor and pipeline feed them.
 */
export const classInputs = ['sos', 'plain'] as const;

export type ClassInput = (typeof classInputs)[number];

/**
 * - `none`: the whole picture is squashed to the input resolution, as Hugging Face does.
 * - `short-224-center`: the short side is resized to 224, then the centre 224 x 224 is cropped, as in the paper's evaluation.
 */
export type Crop = 'none' | 'short-224-center';

/** Pillow's filter number, as in preprocessor_config.json: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming. */
export type Resample = 0 | 1 | 2 | 3 | 4 | 5;

/** Norm of a pooled feature. `raw`: the residual stream h^l itself. `next`: after ln_1 of block l (ln_f for l = n_layer). */
export const featureNorms = ['raw', 'next'] as const;

export type FeatureNorm = (typeof featureNorms)[number];

/** How a picture becomes tokens. Comes from the checkpoint only. */
export interface Preprocessing {
  /** Input resolution (pixels). */
  height: number;
  width: number;
  resample: Resample;
  crop: Crop;
  /** Colour clusters [V, 3] in [-1, 1]. */
  palette: Float32Array;
}

/**
 * Number formats that a model runs in. All but `f32` read a file that is derived from the checkpoint.
 *
 * - `f32`: the checkpoint's own weights.
 * - `int8`: 8-bit matrices with a scale per column. All rows of activations share one scale.
 * - `int8-block`: 8-bit matrices with a scale per 128 inputs. Each row of activations has its own scales.
 * - `f16`: half precision, for GPUs.
 */
export const precisions = ['f32', 'int8', 'int8-block', 'f16'] as const;

export type Precision = (typeof precisions)[number];

/** Execution providers of onnxruntime. There is no fallback from one to another. */
export const providers = ['cpu', 'cuda', 'webgpu'] as const;

export type Provider = (typeof providers)[number];
