import { CheckpointError } from '../error.ts';
import { invalidPickle, isKind, type PickleValue } from './pickle-value.ts';
import { type TensorView, toTensor, type UnreadableTensor } from './tensor-view.ts';

/** A dict of a file that holds tensors, by name. Its other values are dropped. */
export type StateDict = ReadonlyMap<string, TensorView | UnreadableTensor>;

/** iGPT-XL with the state of its optimizer has about 5,000. The limit bounds the memory for a hostile file. */
const maxTensors = 20_000;

/** PyTorch's names have about 60. Pickles share strings, so a small file could hold many long ones. */
const maxNameCharacters = 500;

/** A training script wraps a state dict in one dict or two. */
const maxDepth = 5;

/**
 * Every dict of a pickle that directly holds tensors, by the keys that lead to it: `''` for the outermost,
 * `optimizer.state.0` for an inner one.
 *
 * @throws CheckpointError `weights_invalid`, also if there is none
 */
export function stateDicts(value: PickleValue): ReadonlyMap<string, StateDict> {
  const dicts = new Map<string, StateDict>();
  const visited = new Set<PickleValue>();
  let tensors = 0;

  function visit(value: PickleValue, path: readonly string[]): void {
    // Pickles share values: one dict may be reached by many ways.
    if (path.length > maxDepth || visited.has(value)) return;
    visited.add(value);
    const entries = entriesOf(value);
    const found = new Map<string, TensorView | UnreadableTensor>();
    for (const [key, item] of entries) {
      const name = String(key);
      const tensor = toTensor(shortName(name), item);
      if (tensor !== undefined && ++tensors > maxTensors)
        throw invalidPickle(`it has more than ${maxTensors} tensors, four times those of the largest iGPT in training`);
      if (tensor !== undefined) found.set(name, tensor);
    }
    const own = path.join('.');
    // The keys `a.b` and `a`, `b` lead to two dicts of one path.
    if (found.size > 0) dicts.set(dicts.has(own) ? `${own}#${dicts.size}` : own, found);
    for (const [key, item] of entries) {
      if (isKind(item, 'dict') || isKind(item, 'list') || isKind(item, 'tuple'))
        visit(item, [...path, shortName(String(key))]);
    }
  }

  visit(value, []);
  if (dicts.size === 0) {
    throw invalidPickle('it has no state dict, expected a dict from names to tensors, or one inside another dict');
  }
  return dicts;
}

type Key = string | number;

/** Entries of a dict whose keys are names or numbers, and items of a list or a tuple by their number. */
function entriesOf(value: PickleValue): (readonly [Key, PickleValue])[] {
  if (isKind(value, 'list') || isKind(value, 'tuple')) return value.items.map((item, index) => [index, item]);
  if (!isKind(value, 'dict')) return [];
  return value.entries.filter((entry): entry is [Key, PickleValue] => /string|number/.test(typeof entry[0]));
}

function shortName(name: string): string {
  if (name.length > maxNameCharacters)
    throw invalidPickle(`it has a name of ${name.length} characters, expected at most ${maxNameCharacters}`);
  return name;
}

/** The file has `found`, which PyTorch does not write. */
export function invalidTorchFile(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid PyTorch file: it has ${found}.`);
}
