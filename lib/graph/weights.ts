/** Where one weight lies: a range of bytes that onnxruntime maps as ONNX external data. */
export interface Weight {
  /** The checkpoint's own tensor name. */
  name: string;
  /** Base name of the real file (symbolic links resolved), inside `ImageGptWeights.directory`. */
  file: string;
  /** Bytes from the start of the file. */
  offset: number;
  /** Bytes. */
  length: number;
  dtype: 'F32' | 'F16' | 'BF16';
  shape: readonly number[];
}

/** A matrix in 8 bits; see {@link Projection}. */
export interface IntegerMatrix extends Omit<Weight, 'dtype'> {
  dtype: 'I8' | 'U8';
}

/** A block's matrix [k, columns] in the number format that it is multiplied in. */
export type Projection =
  | { format: 'f32'; weight: Weight }
  /**
   * Signed 8 bits [k, columns], a scale for each column [columns]. The input is rounded to 8 bits too while the graph
   * runs, with one scale for all of it: whatever is multiplied together shares that scale.
   */
  | { format: 'int8'; values: IntegerMatrix; scales: Weight }
  /**
   * Unsigned 8 bits around 128, [columns, blocks, block]: runs of `block` inputs of a column share a scale, [columns x
   * blocks]; the last block is filled up. The input is rounded to 8 bits by row and block: no row depends on another.
   */
  | { format: 'int8-block'; inputs: number; values: IntegerMatrix; scales: Weight };

/** The matrices of a block in other number formats; where a block has them, its own four are not read. */
export interface QuantizedBlock {
  /** q | k | v side by side, [d, 3d], for either layout. */
  attention: Projection;
  attentionProjection: Projection;
  fc: Projection;
  mlpProjection: Projection;
  /** Gain of ln_1 that was multiplied into `attention`, [d]: what the norm gives lacks it. Absent: nothing was. */
  foldedLn1?: Weight;
  /** The same of ln_2 and `fc`. */
  foldedLn2?: Weight;
  /** What each channel of the values (v) is divided by, [d]; `attentionProjection` makes up for it. */
  valueScales: Weight;
}

/** Attention input weights: Hugging Face packs q, k and v into one [d, 3d] matrix (in x out); OpenAI keeps three [H, dh, d] (out x in). */
type AttentionInput =
  | { layout: 'packed'; weight: Weight; bias?: Weight }
  | { layout: 'split'; q: Weight; k: Weight; v: Weight };

/** One block, by role. Matrices are in x out unless said otherwise; a missing bias is zero. */
export interface BlockWeights {
  /** [d] */
  ln1: Weight;
  attention: AttentionInput;
  /** [d, d]; OpenAI stores [H, dh, d], the same bytes. */
  attentionProjection: Weight;
  attentionProjectionBias?: Weight;
  /** [d] */
  ln2: Weight;
  /** [d, n_inner] */
  fc: Weight;
  fcBias?: Weight;
  /** [n_inner, d] */
  mlpProjection: Weight;
  mlpProjectionBias?: Weight;
  quantized?: QuantizedBlock;
}

/** Every weight of an iGPT by role, whichever layout the file has. */
export interface ImageGptWeights {
  /** Real path of the folder that holds every file. */
  directory: string;
  layout: 'huggingface' | 'openai';
  /** Token embeddings: [V + 1, d] in the Hugging Face layout (row V is SOS), [V, d] in OpenAI's. */
  wte: Weight;
  /** [d]; OpenAI's layout, autoregressive models only. */
  sos?: Weight;
  /** [n, d] */
  wpe: Weight;
  blocks: readonly BlockWeights[];
  /** [d] */
  lnF: Weight;
  /** Output matrix wtet, [V, d] (out x in); absent in checkpoints saved from the base model. */
  lmHead?: Weight;
  /** Class head, [C, d] (out x in). */
  score?: Weight;
}
