/** Pictures of a batch on a GPU, by use. */
export const gpuBatch = {
  /**
   * Verbs: enough to fill a large GPU with iGPT-S. The widest value of L takes 32 x 1,024 x 6,144 x 2 bytes = 0.4 GB.
   */
  verbs: 32,
  /** The deployed worker: enough to keep the GPU busy while messages travel between threads. */
  worker: 64,
  /** Data sets: few, so that all threads finish at about the same time, but enough to make messages cheap. */
  dataSets: 16,
} as const;
