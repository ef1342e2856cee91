import { CheckpointError } from '../error.ts';
import { pickleBytes } from './pickle-bytes.ts';
import { decodeLong, invalidPickle, isKind, orderedEntries, type PickleValue, pickleStack } from './pickle-value.ts';

/** A pickle that was read. */
export interface Pickle {
  value: PickleValue;
  /** Every persistent id in it: PyTorch's storages. */
  persistentIds: readonly PickleValue[];
  /** Position of the first byte after it. */
  end: number;
}

/** iGPT-XL with all biases takes about 30,000 operations, with the state of its optimizer about 150,000. */
const maxStateOperations = 500_000;

/** The only container class of a state dict. */
const orderedDict = 'collections.OrderedDict';

/**
 * Reads one pickle of protocol 2 to 5 that begins at `start`. Knows only the operations that PyTorch writes.
 *
 * @param allowed globals that the pickle may name, as `module.name`
 * @param maxOperations bounds the memory for a hostile file
 * @throws CheckpointError `weights_unsafe` for any other global, `weights_invalid` if the pickle is damaged or hostile
 */
export function readPickle(
  bytes: Buffer,
  start: number,
  allowed: ReadonlySet<string>,
  maxOperations = maxStateOperations,
): Pickle {
  const input = pickleBytes(bytes, start);
  const stack = pickleStack();
  const persistentIds: PickleValue[] = [];
  let operations = 0;

  const tuple = (items: readonly PickleValue[]) => stack.push({ kind: 'tuple', items });

  function global(module: string, name: string): void {
    const full = `${module}.${name}`;
    if (!allowed.has(full)) {
      throw new CheckpointError(
        'weights_unsafe',
        `The pickle names ${shown(full)}, which the state dict of an iGPT does not need; nothing was run. Save only model.state_dict() with PyTorch.`,
      );
    }
    stack.push({ kind: 'global', name: full });
  }
  function append(items: readonly PickleValue[]): void {
    const list = stack.top();
    if (!isKind(list, 'list')) throw invalidPickle('it appends to something other than a list');
    for (const item of items) list.items.push(item);
  }
  function setItems(items: readonly PickleValue[]): void {
    const dict = stack.top();
    if (!isKind(dict, 'dict') || items.length % 2 !== 0)
      throw invalidPickle('it sets items of something other than a dict');
    for (let i = 0; i < items.length; i += 2) dict.entries.push([items[i] ?? null, items[i + 1] ?? null]);
  }
  function call(): void {
    const args = stack.pop();
    const callable = stack.pop();
    if (!isKind(callable, 'global') || !isKind(args, 'tuple'))
      throw invalidPickle('it calls something other than a global');
    if (callable.name === orderedDict) {
      const entries = orderedEntries(args.items);
      operations += entries.length; // one long list could be copied into many dicts
      stack.push({ kind: 'dict', entries });
    } else {
      stack.push({ kind: 'call', name: callable.name, args: args.items });
    }
  }

  while (operations++ < maxOperations) {
    const operation = input.u8();
    switch (operation) {
      case 0x80: // PROTO
        if (input.u8() > 5) throw invalidPickle('its protocol is newer than 5');
        break;
      case 0x95: // FRAME
        input.u64();
        break;
      case 0x2e: {
        // STOP
        const value = stack.pop();
        if (!stack.isEmpty()) throw invalidPickle('it ends with more than one value');
        return { value, persistentIds, end: input.at };
      }

      case 0x28: // MARK
        stack.mark();
        break;
      case 0x30: // POP
        stack.drop();
        break;
      case 0x31: // POP_MARK
        stack.popToMark();
        break;
      case 0x71: // BINPUT
        stack.store(input.u8());
        break;
      case 0x72: // LONG_BINPUT
        stack.store(input.u32());
        break;
      case 0x94: // MEMOIZE
        stack.store();
        break;
      case 0x68: // BINGET
        stack.fetch(input.u8());
        break;
      case 0x6a: // LONG_BINGET
        stack.fetch(input.u32());
        break;

      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(input.i32());
        break;
      case 0x4b: // BININT1
        stack.push(input.u8());
        break;
      case 0x4d: // BININT2
        stack.push(input.u16());
        break;
      case 0x8a: // LONG1
        stack.push(decodeLong(input.take(input.u8())));
        break;
      case 0x8b: // LONG4
        stack.push(decodeLong(input.take(input.u32())));
        break;
      case 0x47: // BINFLOAT
        stack.push(input.f64());
        break;
      case 0x55: // SHORT_BINSTRING
        stack.push(input.latin1(input.u8()));
        break;
      case 0x54: // BINSTRING
        stack.push(input.latin1(input.u32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(input.utf8(input.u8()));
        break;
      case 0x58: // BINUNICODE
        stack.push(input.utf8(input.u32()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(input.utf8(input.u64()));
        break;
      case 0x43: // SHORT_BINBYTES
        stack.push(input.take(input.u8()));
        break;
      case 0x42: // BINBYTES
        stack.push(input.take(input.u32()));
        break;
      case 0x8e: // BINBYTES8
        stack.push(input.take(input.u64()));
        break;

      case 0x29: // EMPTY_TUPLE
        tuple([]);
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        tuple(stack.popItems(operation - 0x84));
        break;
      case 0x74: // TUPLE
        tuple(stack.popToMark());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x8f: // EMPTY_SET
        stack.push({ kind: 'list', items: [] });
        break;
      case 0x61: // APPEND
        append([stack.pop()]);
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        append(stack.popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        stack.push({ kind: 'dict', entries: [] });
        break;
      case 0x73: // SETITEM
        setItems(stack.popItems(2));
        break;
      case 0x75: // SETITEMS
        setItems(stack.popToMark());
        break;

      case 0x63: // GLOBAL
        global(input.line(), input.line());
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = stack.popItems(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          throw invalidPickle('the name of a global is not a string');
        global(module, name);
        break;
      }
      case 0x52: // REDUCE
        call();
        break;
      case 0x62: // BUILD
        // Attributes of an OrderedDict: PyTorch's `_metadata` with module versions, which weights do not need.
        stack.pop();
        if (!isKind(stack.top(), 'dict'))
          throw invalidPickle('it sets attributes of something other than an OrderedDict');
        break;
      case 0x51: {
        // BINPERSID
        const id = stack.pop();
        persistentIds.push(id);
        stack.push({ kind: 'persistent', id });
        break;
      }
      default:
        throw invalidPickle(
          `it has operation 0x${operation.toString(16)}, which PyTorch does not write into a state dict`,
        );
    }
  }
  throw invalidPickle(
    `it has more than ${maxOperations} operations, three times those of the largest iGPT in training`,
  );
}

/** A name in an error. Names of a hostile file may be long and hold control characters. */
function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
