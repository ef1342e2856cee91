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
