import { crc32c, maskedCrc32c } from '../../../../lib/checkpoint/tensorflow/table.ts';

/** A number of protobuf and LevelDB. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** An entry of a block: how many bytes of its key repeat the previous key, the rest of the key, the value. */
export function entry(shared: number, key: string, value: Buffer): Buffer {
  return Buffer.concat([varint(shared), varint(key.length), varint(value.length), Buffer.from(key), value]);
}

/** A block with `restarts` offsets, a kind of compression and its checksum. */
export function block(entries: readonly Buffer[], { compression = 0, restarts = 1 } = {}): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(restarts);
  const contents = Buffer.concat([...entries, Buffer.alloc(4 * restarts), count, Buffer.of(compression)]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(maskedCrc32c(crc32c(contents)));
  return Buffer.concat([contents, checksum]);
}

/** A table of data blocks and the index block that lists them, with `extra` entries. */
export function tableOf(blocks: readonly Buffer[], extra: readonly Buffer[] = []): Buffer {
  let at = 0;
  const handles = blocks.map((data) => {
    const handle = Buffer.concat([varint(at), varint(data.length - 5)]);
    at += data.length;
    return entry(0, 'z', handle);
  });
  const index = block([...handles, ...extra]);
  const footer = Buffer.alloc(48);
  Buffer.concat([varint(0), varint(0), varint(at), varint(index.length - 5)]).copy(footer);
  footer.writeBigUInt64LE(0xdb4775248b80fb57n, 40);
  return Buffer.concat([...blocks, index, footer]);
}

/** BundleEntryProto of an f32 vector. */
export function tensorEntry({ size = 2, shard = 0, length = 8, axes = 1 } = {}): Buffer {
  const dimension = Buffer.concat([Buffer.of(0x08), varint(size)]);
  const axis = Buffer.concat([Buffer.of(0x12), varint(dimension.length), dimension]);
  const shape = Buffer.concat(Array.from({ length: axes }, () => axis));
  return Buffer.concat([
    Buffer.from('0801', 'hex'),
    Buffer.concat([Buffer.of(0x12), varint(shape.length), shape]),
    Buffer.concat([Buffer.of(0x18), varint(shard)]),
    Buffer.concat([Buffer.of(0x28), varint(length)]),
  ]);
}
