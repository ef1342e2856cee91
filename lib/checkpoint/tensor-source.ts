/** iGPT-XL with the state of its optimizer has about 5,000. The limit bounds the memory for hostile shards. */
export const maxTensors = 100_000;

/** A tensor of a published weight file of any format. */
export interface SourceTensor {
  name: string;
  /** A safetensors dtype, for instance `F32`. */
  dtype: string;
  shape: readonly number[];
  /**
   * The data, little-endian, in C order, in pieces of whole elements. Use a piece before asking for the next.
   *
   * @throws CheckpointError if the file is cut short or its checksum does not match
   */
  pieces(): AsyncIterable<Uint8Array>;
  /** Equal for tensors of one file that share all their data. */
  place?: string | undefined;
  /** Why no model can use it: `is sparse; save it with .to_dense()`. Its dtype and shape are then unknown. */
  refusal?: string | undefined;
}

/** Opened weights of any published format. Names, dtypes and shapes are known; the data is read later. */
export interface TensorSource extends AsyncDisposable {
  /** Shown to the user: `PyTorch`, `TensorFlow`, `safetensors`. */
  format: string;
  tensors: ReadonlyMap<string, SourceTensor>;
  /**
   * Every dict of tensors in a PyTorch file, by the keys that lead to it: `state_dict`, `ema.model`. `tensors` is the
   * one that holds the most.
   */
  dicts?: ReadonlyMap<string, ReadonlyMap<string, SourceTensor>> | undefined;
  /** Size of the weight files (bytes). Bounds what an import writes. */
  bytes: number;
}
