/** What an iGPT was trained to predict: the next token, or the masked ones (paper section 2.1). */
export type Objective = 'ar' | 'bert';

/** `none`: the whole picture is squashed, as Hugging Face does. `short-224-center`: short side to 224, then the centre 224 x 224, as the paper evaluates. */
export type Crop = 'none' | 'short-224-center';

/** Pillow's filter numbers, as `resample` in preprocessor_config.json: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming. */
export type Resample = 0 | 1 | 2 | 3 | 4 | 5;

/** The norm that a pooled feature has passed: `raw` is the residual stream h^l itself, `next` is after ln_1 of block l (ln_f for l = n_layer). */
export type FeatureNorm = 'raw' | 'next';

/** Shape of an iGPT. Names are the checkpoint's. */
export interface ImageGptConfig {
  /** Colours in the palette, V: the SOS token is not counted (Hugging Face's vocab_size is V + 1). */
  n_colors: number;
  /** Tokens in a picture, n = height x width. */
  n_positions: number;
  n_embd: number;
  n_layer: number;
  n_head: number;
  /** Width of the MLP, 4 x n_embd unless the checkpoint says otherwise. */
  n_inner: number;
  layer_norm_epsilon: number;
  objective: Objective;
  /** Default layer l of pooled features, 0..n_layer. */
  feature_layer: number;
  feature_norm: FeatureNorm;
}

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
