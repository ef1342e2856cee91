/** Files other than the weights that an import reads. */
export const sideFiles: readonly string[] = ['config.json', 'preprocessor_config.json', 'kmeans_centers.npy'];

/** Names of weight files on the hub, best first. */
export const weightFiles: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** Whether a file is read into memory whole: everything but the weights. */
export function isSmallFile(name: string): boolean {
  return sideFiles.includes(name) || name.endsWith('.index.json');
}

/** A model on the Hugging Face hub. */
export interface HubModel {
  /** `organisation/name`. */
  repo: string;
  /** Branch, tag or commit. */
  revision: string;
}

/** Parses `organisation/name` or `organisation/name@revision`; undefined if `text` is neither. */
export function parseHubName(text: string): HubModel | undefined {
  const [, repo, revision = 'main'] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?$/.exec(text) ?? [];
  return repo === undefined ? undefined : { repo, revision };
}
