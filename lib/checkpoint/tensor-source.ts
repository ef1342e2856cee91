/** A tensor in whatever file it was published. */
export interface SourceTensor {
  name: string;
  /** A safetensors dtype, for instance `F32`. */
  dtype: string;
  shape: readonly number[];
  /**
   * The data, little-endian, in C order, in pieces of whole elements. A piece is valid until the next one is asked for.
   *
   * @throws CheckpointError when the file is cut short or its checksum says that it is damaged
   */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Weights in one of the published forms, opened: names, dtypes and shapes are known, the data is still on disk. */
export interface TensorSource extends AsyncDisposable {
  /** For people: `PyTorch`, `TensorFlow`, `safetensors`. */
  format: string;
  tensors: ReadonlyMap<string, SourceTensor>;
  /** Files of weights, bytes: no honest import writes much more than this. */
  bytes: number;
}

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
