/** Everything that an import reads beside the weights. */
export const sideFiles: readonly string[] = ['config.json', 'preprocessor_config.json', 'kmeans_centers.npy'];

/** Names of weights on the hub; the first that a model has is taken. */
export const weightFiles: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];
