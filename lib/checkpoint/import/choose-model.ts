import { CheckpointError } from '../error.ts';
import type { SourceTensor, TensorSource } from '../tensor-source.ts';
import { isAverage } from '../training-tensors.ts';

type Tensors = ReadonlyMap<string, SourceTensor>;

/** A model in a weight file. */
export interface ChosenModel {
  /** Its tensors without the prefix of training code, and the tensors of the same dict that have none. */
  tensors: Tensors;
  /** Where it lies: the keys that lead to it and the prefix of its names, `state_dict.model`. Empty for the whole file. */
  path: string;
  /** Paths of the other models in the file. */
  others: readonly string[];
  /** Tensors of the dicts beside it, with the keys that lead to them: `loss`, `optimizer.state.0.exp_avg`. */
  beside: readonly string[];
}

interface Candidate {
  path: string;
  dict: string;
  prefix: string;
  tensors: Tensors;
}

/** A model, its averages, a teacher. The limit bounds the work for a hostile file. */
const maxModels = 16;

/**
 * Finds the iGPT in a weight file: a dict of tensors, or the tensors of one prefix in it. Of a model and its moving
 * averages (`ema`, `swa`), it takes the model.
 *
 * @param key path of the model to take
 * @returns all tensors of the file if none is an iGPT; the callers name what is missing
 * @throws CheckpointError `source_unknown` if there are several models, or none at `key`; `tensor_dtype` if PyTorch
 * stored a tensor of the model in a form that we do not read
 */
export function chooseModel(source: Pick<TensorSource, 'tensors' | 'dicts'>, key?: string): ChosenModel {
  const dicts = source.dicts ?? new Map([['', source.tensors]]);
  const found = [...dicts].flatMap(([path, tensors]) => candidatesOf(path, tensors));
  if (found.length > maxModels) {
    throw new CheckpointError(
      'source_unknown',
      `The file holds ${found.length} models; expected at most ${maxModels}.`,
    );
  }
  const candidates = found.filter((one, i) => !found.slice(0, i).some((earlier) => areTwins(one, earlier)));
  const chosen = pick(candidates, key);
  const others = candidates.filter((other) => other !== chosen);
  const tensors = chosen === undefined ? source.tensors : ownTensors(chosen, found);
  refuseUnreadable(tensors);
  const models = new Set(found.map(({ dict }) => dict));
  return {
    tensors,
    path: chosen?.path ?? '',
    others: others.map(({ path }) => path),
    beside:
      chosen === undefined ? [] : [...dicts].flatMap(([path, dict]) => (models.has(path) ? [] : named(path, dict))),
  };
}

function named(path: string, dict: Tensors): string[] {
  return [...dict.keys()].map((name) => (path === '' ? name : `${path}.${name}`));
}

/** Parts that PyTorch's wrappers put into names, also in the middle: DataParallel, torch.compile, FSDP, checkpointing. */
const wrappers = /(?<=^|\.)(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/** The token embeddings, which every iGPT has once. Their name shows the prefix of all tensors. */
const embeddings = /^(?:(.+?\.)??(?:transformer\.)?wte\.weight|(?:model\/)?wte)$/;

function candidatesOf(dict: string, stored: Tensors): Candidate[] {
  const tensors = renamed(stored, (name) => name.replace(wrappers, ''));
  return [...tensors.keys()].flatMap((name) => {
    const match = embeddings.exec(name);
    if (match === null) return [];
    const [, prefix = ''] = match;
    const path = [dict, prefix.slice(0, -1)].filter((part) => part !== '').join('.');
    return [{ path, dict, prefix, tensors }];
  });
}

/** Unchanged if two tensors would get one name: the unknown one is refused later. */
function renamed(tensors: Tensors, rename: (name: string) => string): Tensors {
  const own = new Map([...tensors.values()].map((tensor) => [rename(tensor.name), tensor]));
  if (own.size < tensors.size) return tensors;
  return new Map([...own].map(([name, tensor]) => [name, { ...tensor, name }]));
}

/** The tensors with the prefix of the model, and those with the prefix of none. */
function ownTensors({ dict, prefix, tensors }: Candidate, all: readonly Candidate[]): Tensors {
  const prefixes = all.filter((other) => other.dict === dict).map((other) => other.prefix);
  const longestFirst = prefixes.toSorted((a, b) => b.length - a.length);
  const own = [...tensors].filter(([name]) => {
    const owner = longestFirst.find((start) => name.startsWith(start));
    return owner === undefined || owner === prefix;
  });
  return renamed(new Map(own), (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}

function pick(candidates: readonly Candidate[], key: string | undefined): Candidate | undefined {
  const named = candidates.filter(({ path, dict }) => key === undefined || path === key || dict === key);
  const trained = named.filter(({ path }) => !isAverage(path));
  const [only, second] = named.length > 1 ? trained : named;
  if (second === undefined && (only !== undefined || candidates.length === 0)) return only;
  const found = candidates
    .map(({ path }) => path || 'the outermost')
    .slice(0, 8)
    .join(', ');
  throw new CheckpointError(
    'source_unknown',
    key === undefined
      ? `The file holds several models: ${found}. Name one with --key.`
      : `The file holds ${named.length === 0 ? 'no model' : 'several models'} at ${key}; expected --key to be one of ${found}.`,
  );
}

/** Whether two models are one: training code registers a module under two names, or saves it twice. */
function areTwins(a: Candidate, b: Candidate): boolean {
  const [ours, theirs] = [a, b].map(({ prefix, tensors }) => {
    const named = [...tensors.values()].filter(({ name }) => name.startsWith(prefix));
    return new Map(named.map(({ name, place }) => [name.slice(prefix.length), place]));
  });
  if (ours === undefined || theirs === undefined || ours.size !== theirs.size) return false;
  return [...ours].every(([name, place]) => place !== undefined && theirs.get(name) === place);
}

function refuseUnreadable(tensors: Tensors): void {
  for (const { name, refusal } of tensors.values()) {
    if (refusal !== undefined) throw new CheckpointError('tensor_dtype', `Tensor ${name} ${refusal}.`);
  }
}
