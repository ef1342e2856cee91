/** A grey ICC profile of version 2 with a gamma (ICC.1:2001-04). */
export function greyProfile(gamma: number): Buffer {
  const white = xyzTag([0.9642, 1, 0.8249]);
  const curve = Buffer.alloc(16);
  curve.write('curv', 'latin1');
  curve.writeUInt32BE(1, 8);
  curve.writeUInt16BE(Math.round(gamma * 256), 12);
  const profile = iccProfile('GRAY', [
    ['wtpt', white],
    ['kTRC', curve],
  ]);
  profile.writeUInt32BE(profile.length, 0);
  profile.writeUInt32BE(0x02_40_00_00, 8);
  profile.write('mntr', 12, 'latin1');
  profile.write('acsp', 36, 'latin1');
  white.copy(profile, 68, 8);
  return profile;
}

/** A profile with these tags and no other field in its header than the colour space. */
export function iccProfile(space: 'GRAY' | 'RGB ', tags: readonly (readonly [name: string, tag: Buffer])[]): Buffer {
  const head = Buffer.alloc(132 + tags.length * 12);
  head.write(`${space}XYZ `, 16, 'latin1');
  head.writeUInt32BE(tags.length, 128);
  let offset = head.length;
  for (const [i, [name, tag]] of tags.entries()) {
    head.write(name, 132 + i * 12, 'latin1');
    head.writeUInt32BE(offset, 136 + i * 12);
    head.writeUInt32BE(tag.length, 140 + i * 12);
    offset += tag.length;
  }
  return Buffer.concat([head, ...tags.map(([, tag]) => tag)]);
}

/** A tag with a colour in XYZ. */
export function xyzTag(values: readonly number[]): Buffer {
  const tag = Buffer.alloc(20);
  tag.write('XYZ ', 'latin1');
  for (const [i, value] of values.entries()) tag.writeInt32BE(Math.round(value * 65_536), 8 + i * 4);
  return tag;
}
