import { describe, expect, it } from 'vitest';
import { readPickle } from '../../../../lib/checkpoint/torch/pickle.ts';
import { allowedGlobals } from '../../../../lib/checkpoint/torch/tensor-view.ts';

const allowed = new Set(['collections.OrderedDict', 'torch.FloatStorage']);

/** A pickle of operations; a number is one byte. */
function pickle(...parts: (string | number)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.of(part))));
}
function read(...parts: (string | number)[]) {
  return readPickle(pickle(0x80, 2, ...parts, '.'), 0, allowed).value;
}
function u32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
}

describe('the pickle reader', () => {
  it('reads numbers, strings, lists, tuples and dicts', () => {
    expect(read('K', 7)).toBe(7);
    expect(read('J', 0xff, 0xff, 0xff, 0xff)).toBe(-1);
    expect(read(0x8a, 2, 0x00, 0xff)).toBe(-256);
    expect(read('X', u32(2), 'ab')).toBe('ab');
    expect(read('(K', 1, 'K', 2, 't')).toEqual({ kind: 'tuple', items: [1, 2] });
    expect(read('](K', 1, 'Ne')).toEqual({ kind: 'list', items: [1, null] });
    expect(read('}(U', 1, 'a', 0x88, 'u')).toEqual({ kind: 'dict', entries: [['a', true]] });
  });

  it('fetches stored values', () => {
    expect(read(']q', 0, 'h', 0, 0x86)).toEqual({ kind: 'tuple', items: [expect.anything(), expect.anything()] });
  });

  it('gives the position of the next pickle', () => {
    expect(readPickle(pickle('N.', 'K', 1, '.'), 0, allowed).end).toBe(2);
    expect(readPickle(pickle('N.', 'K', 1, '.'), 2, allowed).value).toBe(1);
  });

  it('returns an allowed call as data and runs nothing', () => {
    expect(read('ctorch\nFloatStorage\n(K', 1, 'tR')).toEqual({ kind: 'call', name: 'torch.FloatStorage', args: [1] });
  });

  it('knows the sets, bytes and complex numbers of torch.load, by the name of either Python', () => {
    for (const name of ['set', 'bytearray', 'complex']) {
      for (const module of ['builtins', '__builtin__']) {
        const { value } = readPickle(pickle(0x80, 2, `c${module}\n${name}\n.`), 0, allowedGlobals);
        expect(value).toEqual({ kind: 'global', name: `${module}.${name}` });
      }
    }
    expect(() => readPickle(pickle(0x80, 2, 'c__builtin__\neval\n.'), 0, allowedGlobals)).toThrow(/__builtin__.eval/);
  });

  it('returns an OrderedDict as a dict without its attributes', () => {
    expect(read('ccollections\nOrderedDict\n)R(U', 1, 'a', 'K', 1, 'u}b')).toEqual({
      kind: 'dict',
      entries: [['a', 1]],
    });
  });

  it.each([
    ['os.system', pickle(0x80, 2, 'cos\nsystem\n(U', 2, 'id', 'tR.')],
    ['builtins.eval', pickle(0x80, 4, 0x8c, 8, 'builtins', 0x8c, 4, 'eval', 0x93, '(U', 2, '1+', 'tR.')],
    ['posix.system, inside a list', pickle(0x80, 2, '](cposix\nsystem\nU', 1, 'x', 0x85, 'Re.')],
    ['torch.load', pickle(0x80, 2, 'ctorch\nload\n.')],
    ['torch.FloatStorage.__init__', pickle(0x80, 2, 'ctorch\nFloatStorage.__init__\n.')],
    ['numpy.core.multiarray._reconstruct', pickle(0x80, 2, 'cnumpy.core.multiarray\n_reconstruct\n.')],
  ])('refuses %s and names it', (name, bytes) => {
    const refused = name.replace(/,.*/, '');
    expect(() => readPickle(bytes, 0, allowed)).toThrow(expect.objectContaining({ code: 'weights_unsafe' }));
    expect(() => readPickle(bytes, 0, allowed)).toThrow(JSON.stringify(refused));
  });

  it.each<[string, Buffer]>([
    ['an empty file', pickle()],
    ['a pickle without an end', pickle(0x80, 2, 'N')],
    ['a pickle without a value', pickle('.')],
    ['values left over', pickle('NN.')],
    ['an unknown protocol', pickle(0x80, 9, 'N.')],
    ['an integer of 4 GB', pickle(0x8b, u32(0xfffffff0), 'N.')],
    ['an integer of 200 bytes', pickle(0x8a, 200, 'x'.repeat(200), '.')],
    ['a string longer than the file', pickle('X', u32(0x7fffffff), 'abc.')],
    ['bytes longer than the file', pickle('B', u32(0xffffffff), 'abc.')],
    ['a string of 2^63 bytes', pickle(0x8d, '\0\0\0\0\0\0\0\x80', 'abc.')],
    ['a value that was not stored', pickle('h', 3, '.')],
    ['a tuple without a mark', pickle('NNt.')],
    ['an append to a number', pickle('K', 1, 'Na.')],
    ['an item of a list', pickle(']NNs.')],
    ['half an item', pickle('}(Nu.')],
    ['a call of a number', pickle('K', 1, ')R.')],
    ['a call without a tuple', pickle('ccollections\nOrderedDict\nNR.')],
    ['attributes of a list', pickle(']}b.')],
    ['a name without a line feed', pickle('ccollections')],
    ['INST, which calls a class', pickle('(icollections\nOrderedDict\n.')],
    ['NEWOBJ, which creates objects', pickle('ccollections\nOrderedDict\n)', 0x81, '.')],
    ['EXT1, which reads a registry', pickle(0x82, 1, '.')],
    ['PERSID as text', pickle('Pid\n.')],
    ['a mark in place of a value', pickle('(.')],
  ])('refuses %s', (_, bytes) => {
    expect(() => readPickle(bytes, 0, allowed)).toThrow(expect.objectContaining({ code: 'weights_invalid' }));
  });

  it('stops after half a million operations, even if they are deeply nested', () => {
    const nested = Buffer.concat([Buffer.alloc(1_500_000, ']'), Buffer.alloc(1_499_999, 'a'), Buffer.from('.')]);
    expect(() => readPickle(nested, 0, allowed)).toThrow(/more than 500000 operations/);
  });

  it('counts the entries of OrderedDicts that are built from one list', () => {
    const pairs = ']('.concat('NN\x86'.repeat(100_000), 'eq\0');
    const dicts = 'ccollections\nOrderedDict\nh\0\x85R'.repeat(10_000);
    expect(() => readPickle(pickle(pairs, dicts, '.'), 0, allowed)).toThrow(/more than 500000 operations/);
  });
});
