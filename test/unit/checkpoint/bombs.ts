import { encodeNpyHeader } from '../../../lib/image-gpt/npy.ts';
import { pickle, text, u32, zip } from './pickle-bytes.ts';
import { block, entry, tableOf, tensorEntry, varint } from './tensorflow/table-bytes.ts';

/** A small file that unfolds to much: its name in a model directory, and its bytes. */
export interface Bomb {
  name: string;
  file: string;
  bytes: () => Buffer;
  /** Files beside it; config.json is always there. */
  beside?: Readonly<Record<string, Buffer>>;
}

const megabyte = 1_000_000;
/** PyTorch's pickles and TensorFlow's indexes have a limit of 16 MiB each; a bomb stays below it. */
const most = 15 * megabyte;

const repeated = (part: Buffer | string, bytes: number) => Buffer.alloc(bytes - (bytes % part.length), part, 'latin1');
const times = (part: string, count: number) => Buffer.alloc(part.length * count, part, 'latin1');

const global = (module: string, name: string) => `c${module}\n${name}\n`;
const orderedDict = global('collections', 'OrderedDict');
/** Persistent id of storage 0 with 4 floats, without the operation. */
const storage = (key = '0', elements = 4) =>
  pickle('(', text('storage'), global('torch', 'FloatStorage'), text(key), text('cpu'), 'J', u32(elements), 't');
const rebuild = global('torch._utils', '_rebuild_tensor_v2');
/** Stores in the memo: 0 the function, 1 a tensor's storage. */
const start = pickle(0x80, 2, rebuild, 'q\0', '0', storage(), 'Qq\x010');
/** A tensor of that storage with shape and strides `[4]`, `[1]`. */
const vector = pickle('h\0(h\x01K\0K\x04\x85K\x01\x85\x89N', 't', 'R');

/** A PyTorch file of a pickle and of one storage. */
const zipped = (...parts: readonly (string | number | Buffer)[]) =>
  zip([
    ['m/data.pkl', pickle(...parts, '.')],
    ['m/data/0', Buffer.alloc(16)],
  ]);
/** The parts that `part` gives for 0 to `count` - 1, as one. */
const each = (count: number, part: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => part(i)));
const torch = (name: string, bytes: () => Buffer): Bomb => ({ name, file: 'pytorch_model.bin', bytes });

const magic = pickle(0x80, 2, 0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex'), '.');
const system = pickle(0x80, 2, '}', text('little_endian'), 0x88, 's.');
const legacy = (state: Buffer, keys: Buffer) =>
  Buffer.concat([magic, pickle(0x80, 2, 'M\xe9\x03.'), system, pickle(0x80, 2, state, '.'), keys]);

function manyStorages(count: number): Buffer {
  const ids = each(count, (i) => pickle(storage(String(i), 0), 'Q0'));
  const keys = each(count, (i) => text(String(i)));
  const tensor = pickle(rebuild, '(', storage('w', 0), 'QK\0K\0\x85K\x01\x85\x89NtR');
  const state = pickle(ids, '}', text('w'), tensor, 's');
  return Buffer.concat([legacy(state, pickle(0x80, 2, '](', keys, text('w'), 'e.')), Buffer.alloc(8 * (count + 1))]);
}

/** A whole model whose token embeddings take 80 MB, with strides of `strides` for a tensor of `rows` rows. */
function largeModel(strides: (rows: number) => readonly [number, number]): Buffer {
  const [V, d, n] = [50_000, 400, 16];
  const shapes: Readonly<Record<string, readonly number[]>> = {
    'wte.weight': [V + 1, d],
    'wpe.weight': [n, d],
    'h.0.ln_1.weight': [d],
    'h.0.attn.c_attn.weight': [d, 3 * d],
    'h.0.attn.c_proj.weight': [d, d],
    'h.0.ln_2.weight': [d],
    'h.0.mlp.c_fc.weight': [d, 4 * d],
    'h.0.mlp.c_proj.weight': [4 * d, d],
    'ln_f.weight': [d],
  };
  const tuple = (sizes: readonly number[]) => pickle('(', ...sizes.map((size) => pickle('J', u32(size))), 't');
  const elements = (V + 1) * d;
  const items = Object.entries(shapes).map(([name, shape]) => {
    const [rows = 1, columns] = shape;
    const steps = columns === undefined ? [strides(rows)[1]] : strides(rows);
    return pickle(text(name), rebuild, '(', storage('0', elements), 'QK\0', tuple(shape), tuple(steps), 0x89, 'NtR');
  });
  return zip([
    ['m/data.pkl', pickle(0x80, 2, '}(', ...items, 'u.')],
    ['m/data/0', Buffer.alloc(4 * elements)],
  ]);
}
const largeConfig = Buffer.from(
  JSON.stringify({ vocab_size: 50_001, n_positions: 16, n_embd: 400, n_layer: 1, n_head: 4 }),
);

const torchBombs: readonly Bomb[] = [
  torch('a shape of 300,000 axes, shared by 15,000 tensors', () =>
    zipped(
      start,
      pickle('(', times('K\0', 300_000), 'tq\x020'),
      '}(',
      each(15_000, (i) => pickle('J', u32(i), 'h\0(h\x01K\0h\x02h\x02\x89NtR')),
      'u',
    ),
  ),
  torch('lists in lists', () => zipped(0x80, 2, times(']', most / 2), times('a', most / 2))),
  torch('half a million dicts', () => zipped(0x80, 2, '](', times('}', 499_000), 'e')),
  torch('dicts in the memo', () => zipped(0x80, 4, '](', times('}\x94', 249_000), 'e')),
  torch('tuples in tuples', () => zipped(0x80, 4, ')', times('\x94\x85', 249_000))),
  torch('dicts that hold the dict before twice, 5,000 deep', () =>
    zipped(
      start,
      '}',
      text('w'),
      vector,
      's',
      each(5_000, (i) => pickle('r', u32(i + 9), '0}(K\x01j', u32(i + 9), 'K\x02j', u32(i + 9), 'u')),
    ),
  ),
  torch('an integer of 15 MB', () => zipped(0x80, 2, 0x8b, u32(most), repeated('\x7f', most))),
  torch('a name of 15 MB for 90,000 tensors', () =>
    zipped(start, vector, 'q\x020', text('a'.repeat(most - 800_000)), 'q\x030}(', times('h\x03h\x02', 90_000), 'u'),
  ),
  torch('a name of 15 MB for 90,000 dicts', () =>
    zipped(0x80, 2, text('a'.repeat(most - 800_000)), 'q\x030](', times('}h\x03Ns', 90_000), 'e'),
  ),
  torch('a tensor under 120,000 names', () =>
    zipped(
      start,
      vector,
      'q\x020}(',
      each(120_000, (i) => pickle('J', u32(i), 'h\x02')),
      'u',
    ),
  ),
  torch('a list of 100,000 pairs for 10,000 dicts', () =>
    zipped(0x80, 2, '](', times('NN\x86', 100_000), 'eq\x050](', times(`${orderedDict}h\x05\x85R`, 10_000), 'e'),
  ),
  torch('a list in 200,000 dicts', () =>
    zipped(0x80, 2, '](', times('N', 200_000), 'eq\x050](', times('}Nh\x05s', 60_000), 'e'),
  ),
  torch('a million persistent ids', () => zipped(0x80, 2, 'N', times('Q', most))),
  torch('parameters in parameters', () =>
    zipped(
      start,
      global('torch._utils', '_rebuild_parameter'),
      'q\x020}',
      text('w'),
      times('h\x02', 100_000),
      'h\x01',
      times('\x85R', 100_000),
      's',
    ),
  ),
  {
    ...torch('a model of one number, expanded to 90 MB', () => largeModel(() => [0, 0])),
    beside: { 'config.json': largeConfig },
  },
  {
    ...torch('a model of 90 MB, transposed', () => largeModel((rows) => [1, rows])),
    beside: { 'config.json': largeConfig },
  },
  torch('a zip file of a million records', () =>
    zip(Array.from({ length: 1_000_000 }, (_, i) => [String(i), Buffer.alloc(0)] as const)),
  ),
  torch('a zip file of 20,000 records', () =>
    zip(Array.from({ length: 20_000 }, (_, i) => [`${'a'.repeat(700)}${i}`, Buffer.alloc(0)] as const)),
  ),
  torch('legacy form, 100,000 storages', () => manyStorages(100_000)),
  torch('legacy form, 19,000 storages', () => manyStorages(19_000)),
  torch('legacy form, four pickles of half a million operations', () => {
    const large = pickle(0x80, 2, '](', times('}', 499_000), 'e.');
    return Buffer.concat([magic, large, large, large, large]);
  }),
];

const tensorFlow = (name: string, bytes: () => Buffer): Bomb => ({
  name,
  file: 'm.index',
  bytes,
  beside: { 'm.data-00000-of-00001': Buffer.alloc(64) },
});
const header = entry(0, '', Buffer.from('0801', 'hex'));

const longKeys: readonly Buffer[] = [
  entry(0, 'a'.repeat(1000), Buffer.alloc(2)),
  ...Array.from({ length: 99_000 }, (_, i) => entry(997, i.toString(36).padStart(3, '0'), Buffer.alloc(2))),
];

const tensorFlowBombs: readonly Bomb[] = [
  tensorFlow('100,000 keys that repeat 997 bytes of the key before', () => tableOf([block([header, ...longKeys])])),
  tensorFlow('the same in the block that lists the blocks', () => tableOf([block([header])], longKeys)),
  tensorFlow('a shape of millions of axes', () => {
    const shape = repeated(Buffer.from('12020801', 'hex'), most);
    const value = Buffer.concat([Buffer.from('080112', 'hex'), varint(shape.length), shape]);
    return tableOf([block([header, entry(0, 'w', value)])]);
  }),
  tensorFlow('an entry of millions of fields', () =>
    tableOf([block([header, entry(0, 'w', repeated(Buffer.from('0801', 'hex'), most))])]),
  ),
  tensorFlow('three million restarts', () => tableOf([block([header], { restarts: 3_000_000 })])),
  tensorFlow('a compressed block', () => tableOf([block([header], { compression: 1 })])),
  tensorFlow('49,000 blocks', () =>
    tableOf([block([header]), ...Array.from({ length: 49_000 }, (_, i) => block([entry(0, `k${i}`, tensorEntry())]))]),
  ),
  tensorFlow('49,000 tensors', () =>
    tableOf([
      block([
        header,
        ...Array.from({ length: 49_000 }, (_, i) => entry(0, `k${i}`, tensorEntry({ size: 0, length: 0 }))),
      ]),
    ]),
  ),
  tensorFlow('100 MB of entries', () => repeated(entry(0, 'k', tensorEntry()), 100 * megabyte)),
];

function safetensors(header: string | Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header)]);
}
const nested = (bytes: number) => Buffer.concat([repeated('[', bytes / 2), repeated(']', bytes / 2)]);
const empty = (i: number) => `"${i.toString(36)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;
const emptyTensors = (count: number) => `{${Array.from({ length: count }, (_, i) => empty(i)).join()}}`;
const weights = (name: string, bytes: () => Buffer): Bomb => ({ name, file: 'model.safetensors', bytes });

const safetensorsBombs: readonly Bomb[] = [
  weights('98 MB of brackets', () =>
    safetensors(Buffer.concat([Buffer.from('{"a":'), nested(98 * megabyte), Buffer.from('}')])),
  ),
  weights('9.9 MB of brackets', () =>
    safetensors(Buffer.concat([Buffer.from('{"a":'), nested(9_900_000), Buffer.from('}')])),
  ),
  weights('9.9 MB of empty objects', () => safetensors(`{"a":[${'{},'.repeat(3_200_000)}{}]}`)),
  weights('1.7 million empty tensors', () => safetensors(emptyTensors(1_700_000))),
  weights('49,000 empty tensors', () => safetensors(emptyTensors(49_000))),
  weights('a shape of 390,000 axes', () =>
    safetensors(`{"a":{"dtype":"U8","shape":[${'0,'.repeat(390_000)}0],"data_offsets":[0,0]}}`),
  ),
  weights('a shape of 390,000 strings', () =>
    safetensors(`{"a":{"dtype":"U8","shape":${list('""', 3 * 390_000)},"data_offsets":[0,0]}}`),
  ),
  weights('a name of 9 MB', () =>
    safetensors(`{"${'a'.repeat(9 * megabyte)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`),
  ),
  weights('metadata of 160,000 keys', () =>
    safetensors(`{"__metadata__":{${Array.from({ length: 160_000 }, (_, i) => `"${i}":"${'x'.repeat(40)}"`).join()}}}`),
  ),
];

const json = (file: string, name: string, bytes: () => Buffer): Bomb => ({ name: `${file}: ${name}`, file, bytes });
const list = (item: string, bytes: number) => `[${item}${`,${item}`.repeat(bytes / (item.length + 1) - 1)}]`;
const names = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":"n${i}"`).join()}}`;
const jsonFiles = [
  'config.json',
  'preprocessor_config.json',
  'model.safetensors.index.json',
  'pytorch_model.bin.index.json',
];

const jsonBombs: readonly Bomb[] = jsonFiles.flatMap((file) => [
  json(file, '100 MB of brackets', () => nested(100 * megabyte)),
  json(file, '9.9 MB of brackets', () => nested(9_900_000)),
  json(file, '9.9 MB of lists', () => Buffer.from(`{"clusters":${list('[]', 9_800_000)}}`)),
  json(file, '9.9 MB of numbers', () => Buffer.from(`{"clusters":${list('0', 9_800_000)}}`)),
  json(file, '200,000 lists', () => Buffer.from(`{"clusters":${list('[]', 3 * 190_000)}}`)),
  json(file, '90,000 wrong colours', () => Buffer.from(`{"clusters":${list('["","",""]', 11 * 90_000)}}`)),
  json(file, '390,000 wrong numbers', () => Buffer.from(`{"image_mean":${list('""', 3 * 390_000)}}`)),
  json(file, '390,000 names', () =>
    Buffer.from(`{"vocab_size":17,"id2label":${names(300_000)},"weight_map":${names(90_000)}}`),
  ),
  json(file, '390,000 wrong names', () => {
    const wrong = `{${Array.from({ length: 195_000 }, (_, i) => `"n${i}":0`).join()}}`;
    return Buffer.from(`{"id2label":${wrong},"weight_map":${wrong}}`);
  }),
  json(file, '9.9 MB in one string', () => Buffer.from(`{"model_type":"${'a'.repeat(9_800_000)}"}`)),
]);

const npyBombs: readonly Bomb[] = [
  {
    name: 'npy: a shape of 900,000 axes',
    file: 'kmeans_centers.npy',
    bytes() {
      const head = Buffer.from(encodeNpyHeader('u1', [1]).subarray(0, 8));
      head[6] = 2;
      const dictionary = Buffer.from(
        `{'descr': '|u1', 'fortran_order': True, 'shape': (${'1,'.repeat(900_000)}100000,)}`,
      );
      return Buffer.concat([head, u32(dictionary.length), dictionary, Buffer.alloc(100_000)]);
    },
  },
];

export const bombs: readonly Bomb[] = [
  ...torchBombs,
  ...tensorFlowBombs,
  ...safetensorsBombs,
  ...jsonBombs,
  ...npyBombs,
];
