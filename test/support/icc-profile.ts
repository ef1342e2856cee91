/** A grey ICC profile of version 2 with a gamma (ICC.1:2001-04). */
export function greyProfile(gamma: number): Buffer {
  const white = Buffer.alloc(20);
  white.write('XYZ ', 'latin1');
  for (const [i, value] of [0.9642, 1, 0.8249].entries()) white.writeInt32BE(Math.round(value * 65_536), 8 + i * 4);
  const curve = Buffer.alloc(16);
  curve.write('curv', 'latin1');
  curve.writeUInt32BE(1, 8);
  curve.writeUInt16BE(Math.round(gamma * 256), 12);
  const tags = [
    ['wtpt', white],
    ['kTRC', curve],
  ] as const;
  const head = Buffer.alloc(132 + tags.length * 12);
  head.writeUInt32BE(0x02_40_00_00, 8);
  head.write('mntrGRAYXYZ ', 12, 'latin1');
  head.write('acsp', 36, 'latin1');
  white.copy(head, 68, 8);
  head.writeUInt32BE(tags.length, 128);
  let offset = head.length;
  for (const [i, [name, tag]] of tags.entries()) {
    head.write(name, 132 + i * 12, 'latin1');
    head.writeUInt32BE(offset, 136 + i * 12);
    head.writeUInt32BE(tag.length, 140 + i * 12);
    offset += tag.length;
  }
  head.writeUInt32BE(offset, 0);
  return Buffer.concat([head, ...tags.map(([, tag]) => tag)]);
}
