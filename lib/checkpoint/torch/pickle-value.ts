import { CheckpointError } from '../error.ts';

/**
 * What a pickle says, as data. Nothing is imported, called or built: a call is kept as the name of what would be called
 * and its arguments.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | { kind: 'list'; items: PickleValue[] }
  | { kind: 'tuple'; items: readonly PickleValue[] }
  | { kind: 'dict'; entries: [PickleValue, PickleValue][] }
  | { kind: 'global'; name: string }
  | { kind: 'call'; name: string; args: readonly PickleValue[] }
  | { kind: 'persistent'; id: PickleValue };

type Kinds = Extract<PickleValue, { kind: string }>;

/** True for a value that is no plain number, string or the like, of the kind asked for. */
export function isKind<K extends Kinds['kind']>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<Kinds, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** PyTorch's magic number has 10 bytes; nothing else in a state dict comes near. */
const maxLongBytes = 16;

/** Two's complement, little-endian. */
export function long(bytes: Buffer): number | bigint {
  if (bytes.length > maxLongBytes) throw invalid(`an integer of ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  if (((bytes.at(-1) ?? 0) & 0x80) !== 0) value -= 1n << BigInt(8 * bytes.length);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it. */
export function orderedEntries(args: readonly PickleValue[]): [PickleValue, PickleValue][] {
  const [list] = args;
  if (list === undefined) return [];
  if (!isKind(list, 'list')) throw invalid('an OrderedDict is made of what is no list');
  return list.items.map((item) => {
    const pair = isKind(item, 'list') || isKind(item, 'tuple') ? item.items : [];
    const [key, value] = pair;
    if (pair.length !== 2 || key === undefined || value === undefined) {
      throw invalid('an OrderedDict is made of what are no pairs');
    }
    return [key, value];
  });
}

/** Says what is wrong with a pickle. */
export function invalid(found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `The pickle is damaged or no state dict of PyTorch: ${found}.`);
}

/** Marks the start of a tuple, a list or the items of a dict on the stack. */
const mark = Symbol('mark');

/** What a pickle's operations work on: a stack, and values that are kept to be used again. */
export interface PickleStack {
  push(value: PickleValue): void;
  mark(): void;
  /** Takes away the topmost value or mark. */
  drop(): void;
  pop(): PickleValue;
  popToMark(): PickleValue[];
  popItems(count: number): PickleValue[];
  top(): PickleValue;
  /** Keeps the topmost value under `key`, or under the number of those that are kept. */
  store(key?: number): void;
  /** Pushes a value that was kept. */
  fetch(key: number): void;
  isEmpty(): boolean;
}

export function pickleStack(): PickleStack {
  const stack: (PickleValue | typeof mark)[] = [];
  const memo = new Map<number, PickleValue>();

  function checked(value: PickleValue | typeof mark | undefined): PickleValue {
    if (value === undefined || value === mark) throw invalid('an operation has no value to work on');
    return value;
  }
  const pop = () => checked(stack.pop());
  const top = () => checked(stack.at(-1));

  return {
    push: (value) => void stack.push(value),
    mark: () => void stack.push(mark),
    drop() {
      if (stack.pop() === undefined) throw invalid('an operation has no value to work on');
    },
    pop,
    popToMark() {
      const from = stack.lastIndexOf(mark);
      if (from < 0) throw invalid('an operation has no mark to go back to');
      return stack.splice(from).filter((item) => item !== mark);
    },
    popItems: (count) => Array.from({ length: count }, pop).reverse(),
    top,
    store: (key = memo.size) => void memo.set(key, top()),
    fetch(key) {
      const value = memo.get(key);
      if (value === undefined) throw invalid(`it refers to value ${key}, which it has not stored`);
      stack.push(value);
    },
    isEmpty: () => stack.length === 0,
  };
}
