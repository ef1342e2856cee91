import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { igpt, temporaryFolder } from './igpt-process.ts';

describe('igpt export', () => {
  test('writes graph and weights beside each other, and says what goes in and what comes out', async () => {
    using folder = temporaryFolder();
    const { code, stderr } = await igpt(['export', 'igpt-nano', '--onnx', 'nano.onnx'], { cwd: folder.path });

    expect(code, stderr).toBe(0);
    expect(readdirSync(folder.path).toSorted()).toEqual(['nano.onnx', 'nano.onnx.data']);
    expect(readFileSync(join(folder.path, 'nano.onnx')).includes('nano.onnx.data')).toBe(true);
    expect(stderr).toContain(
      'nano.onnx: tokens int32 [1, 256] -> features float32 [1, 128], classes float32 [1, 10], logits float32 [1, 256, 512], likelihood float32 [1, 256]; weights of igpt-nano',
    );
  });

  test.each([
    [['--onnx', 'nano.bin'], '--onnx nano.bin: expected a name that ends in .onnx'],
    [['--onnx', 'nowhere/nano.onnx'], '--onnx nowhere/nano.onnx: expected an existing folder'],
    [['--onnx', 'taken.onnx'], '--onnx taken.onnx.data: this file exists; add --force'],
    [['--onnx', 'nano.onnx', '--layer', '7'], '--layer 7: expected 0 to 6, the layers of igpt-nano'],
  ])('refuses %j, and leaves nothing behind', async (options, message) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'taken.onnx.data'), 'mine');
    const { code, stderr } = await igpt(['export', ...options], { cwd: folder.path });

    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(readdirSync(folder.path)).toEqual(['taken.onnx.data']);
  });
});
