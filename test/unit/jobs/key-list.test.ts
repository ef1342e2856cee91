import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readKeyList } from '../../../lib/jobs/key-list.ts';

const folder = mkdtempSync(join(tmpdir(), 'igpt-key-list-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, 'list');

function keys(content: string | Uint8Array) {
  writeFileSync(file, content);
  return Array.fromAsync(readKeyList(file), ({ bucket, key }) => (bucket === undefined ? key : [bucket, key]));
}

describe('a list of keys', () => {
  test('is read without empty lines, byte order mark and carriage returns; other characters stay', async () => {
    expect(await keys('\uFEFFa.png\r\n\r\n./b c.png\n\nd\u2028e.png\n f.png')).toEqual([
      ...['a.png', 'b c.png', 'd\u2028e.png', ' f.png'],
    ]);
    expect(await keys('s3://b/x\ns3://b/ü//y/../z\n')).toEqual([
      ['b', 'x'],
      ['b', 'ü//y/../z'],
    ]);
    expect(await keys('')).toEqual([]);
  });

  test('is read in pieces, even if a piece ends within a character or line', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `ü${i}.png`);
    expect(await keys(lines.join('\n'))).toEqual(lines);
  });

  test.each([
    ['/etc/passwd', "line 1: expected s3://bucket/key, or a path relative to the list's own folder, received /etc/pas"],
    ['a\n../b', 'line 2: expected s3://bucket/key, or a path relative to'],
    ['s3://b/', 'line 1: expected s3://bucket/key'],
    ['s3://b/x\n\ns3:/b/y', 'line 3: expected s3://bucket/key'],
    ['s3://b/x\ns3://c/y', 'line 2: expected a key of s3://b, as in the lines before, received s3://c/y'],
    ['a\ns3://c/y', 'line 2: expected a path, as in the lines before, received s3://c/y'],
    [
      `a\n${'x'.repeat(100_000)}`,
      `line 2: expected s3://bucket/key, or a path relative to the list's own folder, received ${'x'.repeat(200)}`,
    ],
    [Uint8Array.of(0xff, 0xfe, 0x61, 0), 'expected a list of keys in UTF-8, but it contains other bytes'],
  ])('is refused for a wrong line: %j', async (content, words) => {
    await expect(keys(content)).rejects.toThrow(words);
  });
});
