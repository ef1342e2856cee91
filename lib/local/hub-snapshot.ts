/** `<cache>/datasets--org--name/snapshots/<revision>`, and the folders below it. */
const snapshot = /^(.*[/\\](?:models|datasets|spaces)--[^/\\]+[/\\])snapshots[/\\][^/\\]+(?:[/\\]|$)/;

/**
 * The folders that links below `root` may lead to: `root` itself and, in a snapshot of the Hugging Face hub's cache, the
 * folder of its files. A snapshot consists of links to those (huggingface_hub, "Understand caching").
 *
 * @param root a real path
 */
export function linkTargets(root: string): readonly string[] {
  const [, repository] = snapshot.exec(root) ?? [];
  return repository === undefined ? [root] : [root, `${repository}blobs`];
}
