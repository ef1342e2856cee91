/** Everything that an import reads beside the weights. */
export const sideFiles: readonly string[] = ['config.json', 'preprocessor_config.json', 'kmeans_centers.npy'];

/** Names of weights on the hub; the first that a model has is taken. */
export const weightFiles: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** A model on Hugging Face's hub. */
export interface HubModel {
  /** `organisation/name`. */
  repo: string;
  /** Branch, tag or commit. */
  revision: string;
}

/** Reads `organisation/name`, or `organisation/name@revision`; undefined for what is no name of the hub's. */
export function parseHubName(text: string): HubModel | undefined {
  const [, repo, revision = 'main'] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?$/.exec(text) ?? [];
  return repo === undefined ? undefined : { repo, revision };
}
