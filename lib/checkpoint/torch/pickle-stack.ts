import { invalid, type PickleValue } from './pickle-value.ts';

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
