import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { expectGolden, golden, goldenInputs, goldenJson, goldenNpy } from '../support/golden.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

/** The golden pictures of a model as npy files in `folder`: tokens int64, mask uint8. */
function writeInputs(model: string, folder: string): void {
  const { tokens, mask } = goldenInputs(model);
  writeFileSync(join(folder, 'x.npy'), encodeNpy(BigInt64Array.from(tokens, BigInt), [3, 64]));
  writeFileSync(join(folder, 'm.npy'), encodeNpy(mask, [3, 64]));
}

describe('igpt forward reproduces golden values', () => {
  test.each([
    ['hf16', ['--output', 'logits'], 'logits.npy'],
    ['hf16', ['--output', 'likelihood', '--batch', '2'], 'token_nll.npy'],
    ['oa16', ['--output', 'features', '--layer', '3', '--threads', '2'], 'ln_f_pooled.npy'],
    ['oa512bert', ['--output', 'logits', '--mask', 'm.npy', '--batch', '3'], 'logits.npy'],
  ])('%s %j', async (model, args, file) => {
    using folder = temporaryFolder();
    writeInputs(model, folder.path);
    const directory = golden(model);
    const { code, stdout, stderr } = await igpt(
      ['forward', '--model', directory, '--tokens', 'x.npy', ...args, '--out', 'y.npy'],
      { cwd: folder.path },
    );

    expect(code, stderr).toBe(0);
    expect(stdout).toBe('');
    const bytes = readFileSync(join(folder.path, 'y.npy'));
    expect(bytes.toString('latin1', 10, 60)).toContain("'descr': '<f4', 'fortran_order': False");
    const { shape, data } = goldenNpy(model, file);
    expect(decodeNpy(bytes).shape).toEqual(shape);
    expectGolden(decodeNpy(bytes).data, data);
  });

  test('classes before softmax', async () => {
    using folder = temporaryFolder();
    writeInputs('oa16', folder.path);
    const args = ['--tokens', 'x.npy', '--output', 'classes', '--out', 'y.npy'];
    const { code } = await igpt(['forward', '--model', golden('oa16'), ...args], { cwd: folder.path });

    expect(code).toBe(0);
    const { clf_logits } = goldenJson(z.object({ clf_logits: z.array(z.array(z.number())) }), 'oa16', 'expected.json');
    const classes = decodeNpy(readFileSync(join(folder.path, 'y.npy')));
    expect(classes.shape).toEqual([3, 5]);
    expectGolden(classes.data, clf_logits.flat());
  });

  test('features: by default the middle layer after the next norm, raw and for each token when asked', async () => {
    using folder = temporaryFolder();
    writeInputs('hf16', folder.path);
    const features = async (...args: string[]) => {
      const { code, stderr } = await igpt(
        [
          'forward',
          '--model',
          golden('hf16'),
          '--tokens',
          'x.npy',
          '--output',
          'features',
          ...args,
          '--out',
          'y.npy',
          '--force',
        ],
        { cwd: folder.path },
      );
      expect(code, stderr).toBe(0);
      return decodeNpy(readFileSync(join(folder.path, 'y.npy')));
    };
    // [L, 3, 32] and [L + 1, 3, 32]; L is 4.
    const next = goldenNpy('hf16', 'ln1_pooled.npy').data.subarray(2 * 96, 3 * 96);
    const raw = goldenNpy('hf16', 'hidden_pooled.npy').data.subarray(4 * 96, 5 * 96);
    // [L + 1, 64, 32], picture 0
    const tokens = goldenNpy('hf16', 'hidden_tokens_img0.npy').data.subarray(3 * 64 * 32, 4 * 64 * 32);

    const middle = await features();
    expect(middle.shape).toEqual([3, 32]);
    expectGolden(middle.data, next);
    expectGolden((await features('--layer', '4', '--norm', 'raw')).data, raw);
    const unpooled = await features('--layer', '3', '--norm', 'raw', '--pool', 'none');
    expect(unpooled.shape).toEqual([3, 64, 32]);
    expectGolden(unpooled.data.subarray(0, 64 * 32), tokens);
  });
});

test('the name of the output stays on its line', async () => {
  using folder = temporaryFolder();
  writeInputs('hf16', folder.path);
  const args = ['--tokens', 'x.npy', '--output', 'likelihood', '--out', 'a\nb.npy'];
  const { code, stderr } = await igpt(['forward', '--model', golden('hf16'), ...args], { cwd: folder.path });

  expect(stderr).toMatch(/^a\\u000ab\.npy: float32 \[3, 64\], [^\n]*\n$/);
  expect(code).toBe(0);
});

describe('igpt forward refuses', () => {
  const forward = async (folder: string, model: string, ...args: string[]) => {
    writeInputs(model, folder);
    const required = ['--model', golden(model), '--tokens', 'x.npy', '--out', 'y.npy'];
    const result = await igpt(['forward', ...required, ...args], { cwd: folder });
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(/^igpt: [^\n]*\n$/);
    return result;
  };

  test.each([
    ['hf16', ['--output', 'features', '--layer', '5'], '--layer 5: expected 0 to 4'],
    ['hf16', ['--output', 'logits', '--layer', '2'], '--layer goes with --output features'],
    ['hf16', ['--output', 'logits', '--mask', 'm.npy'], '--mask is for BERT models'],
    ['oa512bert', ['--output', 'likelihood'], 'is a BERT model, which has no likelihood of a picture'],
    ['hf16', ['--output', 'logits', '--out', 'y.txt'], 'expected a name that ends in .npy'],
    ['hf16', ['--output', 'logits', '--out', 'missing/y.npy'], 'expected an existing folder'],
  ])('%s %j as a usage error', async (model, args, words) => {
    using folder = temporaryFolder();
    const { code, stderr } = await forward(folder.path, model, ...args);

    expect(stderr).toContain(words);
    expect(code).toBe(2);
    expect(existsSync(join(folder.path, 'y.npy'))).toBe(false);
  });

  test('tokens that the palette has not, of the wrong number, or of another type', async () => {
    using folder = temporaryFolder();
    const refused = async (bytes: Uint8Array, words: string) => {
      writeFileSync(join(folder.path, 'bad.npy'), bytes);
      const { code, stderr } = await forward(folder.path, 'hf16', '--output', 'logits', '--tokens', 'bad.npy');
      expect(stderr).toContain(words);
      expect(code).toBe(1);
      expect(existsSync(join(folder.path, 'y.npy'))).toBe(false);
    };

    await refused(encodeNpy(new Uint8Array(128).fill(16, 100, 101), [2, 64]), 'received 16 in row 1, column 36');
    await refused(encodeNpy(new Uint8Array(128), [2, 32, 2]), 'expected shape [N, n]');
    await refused(encodeNpy(new Uint8Array(120), [2, 60]), 'expected [N, 64]');
    await refused(encodeNpy(new Float32Array(64), [1, 64]), 'expected an integer dtype, received f4');
  });

  test('a mask with another number of rows, or other values than 0 and 1', async () => {
    using folder = temporaryFolder();
    const masked = async (bytes: Uint8Array) => {
      writeFileSync(join(folder.path, 'bad.npy'), bytes);
      return forward(folder.path, 'oa512bert', '--output', 'logits', '--mask', 'bad.npy');
    };

    expect((await masked(encodeNpy(new Uint8Array(64), [1, 64]))).stderr).toContain('expected [3, 64]');
    expect((await masked(encodeNpy(new Uint8Array(192).fill(2), [3, 64]))).stderr).toContain(
      'expected every mask value from 0 to 1',
    );
  });

  test('to replace a file, unless forced', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'y.npy'), 'precious');

    const refused = await forward(folder.path, 'hf16', '--output', 'logits');
    expect(refused.stderr).toContain('--out y.npy: this file exists; add --force');
    expect(refused.code).toBe(2);
    expect(readFileSync(join(folder.path, 'y.npy'), 'utf8')).toBe('precious');
  });

  test('outputs that the checkpoint has no weights for', async () => {
    using folder = temporaryFolder();
    await using headless = await tinyCheckpoint({ classes: 0, lmHead: false });
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(new Uint8Array(16), [1, 16]));
    const output = (name: string) =>
      igpt(['forward', '--model', headless.directory, '--tokens', 'x.npy', '--output', name, '--out', 'y.npy'], {
        cwd: folder.path,
      });

    const classes = await output('classes');
    expect(classes.stderr).toContain('has no class head');
    expect(classes.code).toBe(2);
    expect((await output('logits')).stderr).toContain('has no lm_head.weight');
    expect((await output('features')).code).toBe(0);
  });
});

test('a BERT model without a mask has nothing masked, and pictures may be none', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'x.npy'), encodeNpy(new Uint8Array(64), [1, 64]));
  writeFileSync(join(folder.path, 'none.npy'), encodeNpy(new Uint8Array(64), [1, 64]));
  writeFileSync(join(folder.path, 'empty.npy'), encodeNpy(new Uint8Array(), [0, 64]));
  const logits = async (...args: string[]) => {
    const { code } = await igpt(
      ['forward', '--model', golden('oa512bert'), '--output', 'logits', '--out', 'y.npy', '--force', ...args],
      { cwd: folder.path },
    );
    expect(code).toBe(0);
    return decodeNpy(readFileSync(join(folder.path, 'y.npy')));
  };

  expect(await logits('--tokens', 'x.npy')).toEqual(await logits('--tokens', 'x.npy', '--mask', 'none.npy'));
  expect((await logits('--tokens', 'empty.npy')).shape).toEqual([0, 64, 512]);
});
