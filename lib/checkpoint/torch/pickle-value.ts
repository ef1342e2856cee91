import { CheckpointError } from '../error.ts';

/**
 * A value of a pickle, as data. Nothing is imported, called or built: a call is stored as a name and its arguments.
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

/** Whether `value` is an object of this kind. Plain numbers, strings and bytes are of no kind. */
export function isKind<K extends Kinds['kind']>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<Kinds, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** PyTorch's magic number has 10 bytes. All other integers of a state dict are much shorter. */
const maxLongBytes = 16;

/** Decodes an integer: two's complement, little-endian. */
export function decodeLong(bytes: Buffer): number | bigint {
  if (bytes.length > maxLongBytes) throw invalidPickle(`it has an integer of ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  if (((bytes.at(-1) ?? 0) & 0x80) !== 0) value -= 1n << BigInt(8 * bytes.length);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Entries of OrderedDict(), or of OrderedDict([[key, value], ...]) as Python 2 writes it. */
export function orderedEntries(args: readonly PickleValue[]): [PickleValue, PickleValue][] {
  const [list] = args;
  if (list === undefined) return [];
  if (!isKind(list, 'list')) throw invalidPickle('an OrderedDict is built from something other than a list');
  return list.items.map((item) => {
    const pair = isKind(item, 'list') || isKind(item, 'tuple') ? item.items : [];
    const [key, value] = pair;
    if (pair.length !== 2 || key === undefined || value === undefined) {
      throw invalidPickle('an OrderedDict is built from something other than pairs');
    }
    return [key, value];
  });
}

/** `found` says what is wrong with the pickle. */
export function invalidPickle(found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `The pickle is damaged, or not a state dict of PyTorch: ${found}.`);
}

/** Marks the start of a tuple, a list or the items of a dict on the stack. */
const mark = Symbol('mark');

/** The memory of a pickle machine: a stack, and a memo of numbered values. */
export interface PickleStack {
  push(value: PickleValue): void;
  mark(): void;
  /** Removes the top value or mark. */
  drop(): void;
  pop(): PickleValue;
  /** Removes the values above the top mark, and the mark. */
  popToMark(): PickleValue[];
  popItems(count: number): PickleValue[];
  top(): PickleValue;
  /** Stores the top value in the memo under `key` (default: the size of the memo). */
  store(key?: number): void;
  /** Pushes a value of the memo. */
  fetch(key: number): void;
  isEmpty(): boolean;
}

export function pickleStack(): PickleStack {
  const stack: (PickleValue | typeof mark)[] = [];
  const memo = new Map<number, PickleValue>();

  function checked(value: PickleValue | typeof mark | undefined): PickleValue {
    if (value === undefined || value === mark) throw invalidPickle('an operation has no value on the stack');
    return value;
  }
  const pop = () => checked(stack.pop());
  const top = () => checked(stack.at(-1));

  return {
    push: (value) => void stack.push(value),
    mark: () => void stack.push(mark),
    drop() {
      if (stack.pop() === undefined) throw invalidPickle('an operation has no value on the stack');
    },
    pop,
    popToMark() {
      const from = stack.lastIndexOf(mark);
      if (from < 0) throw invalidPickle('an operation has no mark on the stack');
      return stack.splice(from).filter((item) => item !== mark);
    },
    popItems: (count) => Array.from({ length: count }, pop).reverse(),
    top,
    store: (key = memo.size) => void memo.set(key, top()),
    fetch(key) {
      const value = memo.get(key);
      if (value === undefined) throw invalidPickle(`it refers to value ${key}, which was never stored`);
      stack.push(value);
    },
    isEmpty: () => stack.length === 0,
  };
}
