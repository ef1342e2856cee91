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
