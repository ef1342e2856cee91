/** Where a weight is stored: a range of bytes that onnxruntime maps as ONNX external data. */
export interface Weight {
  /** Tensor name in the checkpoint. */
  name: string;
  /** Name of the file in `ImageGptWeights.directory`, symbolic links resolved. */
  file: string;
  /** Bytes from the start of the file. */
  offset: number;
  /** Bytes. */
  length: number;
  dtype: 'F32' | 'F16' | 'BF16';
  shape: readonly number[];
}

/** An 8-bit matrix; see {@link Projection}. */
export interface IntegerMatrix extends Omit<Weight, 'dtype'> {
  dtype: 'I8' | 'U8';
}

/** A matrix of a block, [k, columns], in the number format of its product. */
export type Projection =
  | { format: 'f32'; weight: Weight }
  /**
   * Signed 8 bits [k, columns], with a scale per column [columns]. The graph also rounds the input to 8 bits, with one
   * scale for the whole input: so the rows of one product depend on each other.
   */
  | { format: 'int8'; values: IntegerMatrix; scales: Weight }
  /**
   * Unsigned 8 bits around 128, [columns, blocks, block]: each `block` inputs of a column share a scale, [columns x
   * blocks]; the last block is padded. The graph also rounds the input to 8 bits, with a scale per row and block: no
   * row depends on another.
   */
  | { format: 'int8-block'; inputs: number; values: IntegerMatrix; scales: Weight };

/** The four matrices of a block in other number formats. They replace the block's own. */
export interface QuantizedBlock {
  /** q | k | v side by side, [d, 3d], in both layouts. */
  attention: Projection;
  attentionProjection: Projection;
  fc: Projection;
  mlpProjection: Projection;
  /** Gain of ln_1, [d], if it was multiplied into `attention`: the norm itself then has a gain of 1. */
  foldedLn1?: Weight | undefined;
  /** Gain of ln_2, [d], if it was multiplied into `fc`. */
  foldedLn2?: Weight | undefined;
  /** Divisor of each channel of the values (v), [d]. `attentionProjection` is multiplied by it. */
  valueScales: Weight;
}

/**
 * Attention input weights: Hugging Face packs q, k and v into one [d, 3d] matrix (in x out); OpenAI keeps three [H, dh,
 * d] (out x in). The bias is q | k | v, [3d], in both.
 */
type AttentionInput =
  | { layout: 'packed'; weight: Weight; bias?: Weight | undefined }
  | { layout: 'split'; q: Weight; k: Weight; v: Weight; bias?: Weight | undefined };

/** The weights of one block, by role. Matrices are in x out unless stated otherwise; a missing bias is zero. */
export interface BlockWeights {
  /** [d] */
  ln1: Weight;
  attention: AttentionInput;
  /** [d, d]; OpenAI declares the same bytes as [H, dh, d]. */
  attentionProjection: Weight;
  attentionProjectionBias?: Weight | undefined;
  /** [d] */
  ln2: Weight;
  /** [d, n_inner] */
  fc: Weight;
  fcBias?: Weight | undefined;
  /** [n_inner, d] */
  mlpProjection: Weight;
  mlpProjectionBias?: Weight | undefined;
  quantized?: QuantizedBlock | undefined;
}

/** Every weight of an iGPT, by role, from a file in either layout. */
export interface ImageGptWeights {
  /** Folder of the weight files, symbolic links resolved. */
  directory: string;
  layout: 'huggingface' | 'openai';
  /** Token embeddings: [V + 1, d] in Hugging Face's layout (row V is SOS), [V, d] in OpenAI's. */
  wte: Weight;
  /** [d]; only for autoregressive models in OpenAI's layout. */
  sos?: Weight | undefined;
  /** [n, d] */
  wpe: Weight;
  blocks: readonly BlockWeights[];
  /** [d] */
  lnF: Weight;
  /** Output matrix (model.py, `wtet`), [V, d], out x in. Checkpoints of the base model lack it. */
  lmHead?: Weight | undefined;
  /** Class head, [C, d], out x in. */
  score?: Weight | undefined;
}
