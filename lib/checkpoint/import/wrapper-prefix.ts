import type { TensorSource } from '../tensor-source.ts';

/** The token embeddings, which every iGPT has once: their name tells what stands before all others. */
const embeddings = /^(.+?\.)??(?:transformer\.)?wte\.weight$/;

/**
 * Tensors under the model's own names, without what training code puts before them all: `module.` (DataParallel),
 * `_orig_mod.` (torch.compile), `model.` (Lightning) or another. What has another beginning keeps its name.
 */
export function withoutWrapperPrefix(tensors: TensorSource['tensors']): TensorSource['tensors'] {
  const prefixes = [...tensors.keys()].flatMap((name) => embeddings.exec(name)?.[1] ?? []);
  const [prefix = '', another] = prefixes;
  if (prefix === '' || another !== undefined) return tensors;
  const own = new Map(
    [...tensors.values()].map((tensor) => {
      const name = tensor.name.startsWith(prefix) ? tensor.name.slice(prefix.length) : tensor.name;
      return [name, { ...tensor, name }] as const;
    }),
  );
  return own.size === tensors.size ? own : tensors; // two of one name: the longer one is then refused
}
