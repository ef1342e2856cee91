import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../../lib/checkpoint/checkpoint.ts';
import { openSafetensors } from '../../../../lib/checkpoint/import/find-source.ts';
import { type ImportOptions, importCheckpoint } from '../../../../lib/checkpoint/import/import-checkpoint.ts';
import { findNonFinite } from '../../../../lib/checkpoint/non-finite.ts';
import { summarize } from '../../../../lib/checkpoint/summary.ts';
import { encodeNpy } from '../../../../lib/image-gpt/npy.ts';
import { golden } from '../../../support/golden.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../../support/tiny-checkpoint.ts';
import { sourceBytes, sourceFloats } from '../source-values.ts';

describe('import-checkpoint', () => {
  const training = join(import.meta.dirname, '../../../fixtures/torch/training');
  const tensorFlow = join(import.meta.dirname, '../../../fixtures/tensorflow');

  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'import-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const classifier = { architectures: ['ImageGPTForImageClassification'] };

  const fresh = () => join(directory, crypto.randomUUID());

  /** A new folder with copies of files. */
  async function folder(...files: string[]): Promise<string> {
    const path = fresh();
    await mkdir(path);
    for (const file of files) await cp(file, join(path, file.split('/').at(-1) ?? ''));
    return path;
  }

  async function expectSameWeights(actual: string, expected: string): Promise<void> {
    await using ours = await openSafetensors(join(actual, 'model.safetensors'));
    await using theirs = await openSafetensors(join(expected, 'model.safetensors'));
    expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
    for (const [name, { shape, dtype }] of theirs.tensors) {
      expect(ours.tensors.get(name)).toMatchObject({ shape, dtype });
      expect(await sourceBytes(ours, name), name).toEqual(await sourceBytes(theirs, name));
    }
  }

  describe('igpt import', () => {
    it('converts pytorch_model.bin to the same weights as transformers', async () => {
      const out = fresh();
      const { format } = await importCheckpoint(
        await folder(golden('hf16', 'pytorch_model.bin'), golden('hf16', 'config.json')),
        out,
      );

      expect(format).toBe('PyTorch');
      await expectSameWeights(out, golden('hf16'));
    });

    it.each([
      ['averaged', '', ['n_averaged']],
      ['model-is-a-name', 'state_dict', []],
      ['with-loss', 'model_state_dict', ['loss']],
    ])('finds the model in a checkpoint of training: %s', async (name, path, leftOut) => {
      const source = await folder(join(training, `${name}.bin`), join(training, 'config.json'));
      const imported = await importCheckpoint(source, fresh());

      expect(imported).toMatchObject({ path, others: [], leftOut: leftOut.map((name) => ({ name, tensors: 1 })) });
      await using ours = await openSafetensors(join(imported.checkpoint.directory, 'model.safetensors'));
      await using expected = await openSafetensors(join(training, 'expected.safetensors'));
      for (const tensor of expected.tensors.keys()) {
        expect(await sourceBytes(ours, tensor), tensor).toEqual(await sourceBytes(expected, tensor));
      }
    });

    it('takes the model before its moving average, which a key takes', async () => {
      const source = await folder(join(training, 'with-ema.bin'), join(training, 'config.json'));
      const imported = await importCheckpoint(source, fresh());
      const average = await importCheckpoint(source, fresh(), { key: 'ema' });

      expect(imported).toMatchObject({ path: 'model', others: ['ema'], leftOut: [] });
      expect(average).toMatchObject({ path: 'ema', others: ['model'] });
      const [model, ema] = await Promise.all(
        [imported, average].map(async ({ checkpoint }) => {
          await using written = await openSafetensors(join(checkpoint.directory, 'model.safetensors'));
          return sourceFloats(written, 'transformer.wte.weight');
        }),
      );
      expect(ema).toEqual(model?.map((value) => value / 2)); // the average of the fixture is half the model
    });

    it('converts a TensorFlow checkpoint to the same weights as transformers', async () => {
      for (const path of [tensorFlow, join(tensorFlow, 'model.ckpt-3'), join(tensorFlow, 'model.ckpt-3.index')]) {
        const out = fresh();
        const { format, checkpoint } = await importCheckpoint(path, out);

        expect(format).toBe('TensorFlow');
        expect(checkpoint.config).toMatchObject({ n_layer: 3, n_head: 2, n_colors: 16, objective: 'ar' });
        await expectSameWeights(out, golden('oa16-hf'));
      }
    });

    it('leaves out the slots of optimizers, averages and counters, and says so', async () => {
      await using plain = await tinyCheckpoint({ layout: 'openai' });
      const slots = ['Adam', 'Adam_1', 'ExponentialMovingAverage'];
      await using trained = await tinyCheckpoint({
        layout: 'openai',
        tensors: (all) => [
          ...all,
          ...all.flatMap(({ name, shape, data }) =>
            slots.map((slot) => ({ name: `${name}/${slot}`, shape, data: data.map(() => 9) })),
          ),
          { name: 'beta1_power', shape: [], data: Float32Array.of(0.9) },
        ],
      });
      const expected = await importCheckpoint(plain.directory, fresh());
      const imported = await importCheckpoint(trained.directory, fresh());

      const tensors = plain.tensors.length;
      expect(imported.leftOut).toEqual([
        ...slots.map((name) => ({ name, tensors })),
        { name: 'beta1_power', tensors: 1 },
      ]);
      await expectSameWeights(imported.checkpoint.directory, expected.checkpoint.directory);
    });

    it('refuses a norm’s bias, which iGPT does not have and which is no slot', async () => {
      await using tiny = await tinyCheckpoint({
        layout: 'openai',
        tensors: (all) => [...all, { name: 'model/h0/ln_1/b', shape: [16], data: new Float32Array(16) }],
      });

      await expect(importCheckpoint(tiny.directory, fresh())).rejects.toThrow(/hold tensor model\/h0\/ln_1\/b/);
    });

    it('writes a BERT model in OpenAI’s layout, which transformers cannot take for a causal model', async () => {
      const out = fresh();
      const { checkpoint } = await importCheckpoint(golden('oa512bert', 'model.safetensors'), out);

      expect(checkpoint.config).toMatchObject({ objective: 'bert', n_head: 4 });
      await expectSameWeights(out, golden('oa512bert'));
      expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({ n_vocab: 512, bert: true });
    });

    it('recognizes a BERT model without config.json by the missing start token', async () => {
      const out = fresh();
      const alone = await folder(golden('oa512bert', 'model.safetensors'));
      const { checkpoint } = await importCheckpoint(alone, out);

      expect(checkpoint.config).toMatchObject({ objective: 'bert', n_head: 4, n_colors: 512 });
    });

    it('omits the causal masks that old versions of transformers saved', async () => {
      await using tiny = await tinyCheckpoint({
        tensors: (all) => [
          ...all,
          { name: 'transformer.h.0.attn.bias', shape: [1, 1, 16, 16], data: new Float32Array(256) },
          { name: 'transformer.h.0.attn.masked_bias', shape: [], data: Float32Array.of(-10_000) },
        ],
      });
      const { checkpoint } = await importCheckpoint(tiny.directory, fresh());
      await using written = await openSafetensors(join(checkpoint.directory, 'model.safetensors'));

      expect([...written.tensors.keys()].filter((name) => /\.attn\.(masked_)?bias$/.test(name))).toEqual([]);
      expect(written.tensors.has('transformer.h.0.attn.c_attn.bias')).toBe(true);
    });

    it('adds the prefix that saved base models lack, and zeros for missing biases', async () => {
      await using tiny = await tinyCheckpoint({ prefix: '', biases: 'absent', lmHead: false, classes: 0 });
      const { checkpoint } = await importCheckpoint(tiny.directory, fresh());
      await using written = await openSafetensors(join(checkpoint.directory, 'model.safetensors'));

      expect(written.tensors.has('transformer.wte.weight')).toBe(true);
      expect((await sourceBytes(written, 'transformer.h.1.mlp.c_fc.bias')).every((byte) => byte === 0)).toBe(true);
      const config: unknown = JSON.parse(await readFile(join(checkpoint.directory, 'config.json'), 'utf8'));
      expect(config).toMatchObject({ architectures: ['ImageGPTModel'], model_type: 'imagegpt' });
    });

    it('writes another dtype if asked, also into config.json', async () => {
      const out = fresh();
      const { checkpoint } = await importCheckpoint(golden('oa16'), out, { dtype: 'BF16' });

      expect(summarize(checkpoint).dtype).toBe('BF16');
      expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: 'bfloat16' });
    });

    it.each<[string, TinyCheckpointOptions, ImportOptions, unknown]>([
      ['a classifier of transformers', { config: classifier }, {}, { input: 'plain' }],
      ['a model that igpt trained', { objective: 'ar', config: classifier }, {}, { objective: 'ar', input: 'sos' }],
      ['a causal model', { config: { architectures: ['ImageGPTForCausalImageModeling'] } }, {}, { input: 'sos' }],
      ['a chosen input', { config: classifier }, { input: 'sos' }, { input: 'sos' }],
      [
        'a BERT model',
        { objective: 'bert' },
        {},
        { objective: 'bert', crop: 'none', feature_layer: 1, feature_norm: 'next' },
      ],
    ])('writes the input of the class head: %s', async (_, options, choices, igpt) => {
      await using tiny = await tinyCheckpoint(options);
      const out = fresh();
      await importCheckpoint(tiny.directory, out, choices);

      expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8')).igpt).toEqual(igpt);
    });

    it.each([
      ['transformers’ classifier, which has no lm_head', false, 'plain'],
      ['a model that igpt trained, which has one', true, 'sos'],
    ])('knows the input without config.json: %s', async (_, lmHead, input) => {
      await using tiny = await tinyCheckpoint({ lmHead });
      const alone = await folder(join(tiny.directory, 'model.safetensors'));
      const { checkpoint } = await importCheckpoint(alone, fresh(), { heads: 2 });

      expect(checkpoint.config.input).toBe(input);
    });

    it('refuses an input for weights without a class head', async () => {
      await using tiny = await tinyCheckpoint({ classes: 0 });

      await expect(importCheckpoint(tiny.directory, fresh(), { input: 'plain' })).rejects.toThrow(
        /expected a model with a class head/,
      );
    });

    it('keeps labels, the key igpt and unknown keys of config.json', async () => {
      await using tiny = await tinyCheckpoint({
        crop: 'short-224-center',
        feature_layer: 2,
        config: { bos_note: 'x' },
      });
      const { checkpoint } = await importCheckpoint(tiny.directory, fresh());

      expect(checkpoint.labels).toEqual(['class 0', 'class 1', 'class 2']);
      expect(checkpoint.config.feature_layer).toBe(2);
      expect(checkpoint.preprocessing?.crop).toBe('short-224-center');
      expect(JSON.parse(await readFile(join(checkpoint.directory, 'config.json'), 'utf8'))).toHaveProperty(
        'bos_note',
        'x',
      );
    });

    it('reads a Hugging Face cache, whose files are links', async () => {
      const cache = await folder(golden('hf16', 'pytorch_model.bin'), golden('hf16', 'config.json'));
      const snapshot = join(cache, 'models--org--little/snapshots/0123abc');
      await mkdir(snapshot, { recursive: true });
      for (const name of ['pytorch_model.bin', 'config.json']) {
        await symlink(`../../../${name}`, join(snapshot, name));
      }
      const { checkpoint } = await importCheckpoint(snapshot, fresh());

      await expectSameWeights(checkpoint.directory, golden('hf16'));
    });

    it.each([undefined, 'BF16', 'F16'] as const)(
      'copies NaN and infinities, and names their tensors (dtype %s)',
      async (dtype) => {
        await using tiny = await tinyCheckpoint({
          layout: 'openai',
          tensors: (tensors) => {
            const data = (name: string) => tensors.find((tensor) => tensor.name === name)!.data;
            data('model/sos')[3] = Number.NaN;
            data('model/h1/attn/k_proj').fill(-Infinity, 0, 2);
            return tensors;
          },
        });
        const { checkpoint, nonFinite } = await importCheckpoint(tiny.directory, fresh(), { dtype });

        expect(nonFinite).toEqual([
          { tensor: 'transformer.wte.weight', count: 1 },
          { tensor: 'transformer.h.1.attn.c_attn.weight', count: 2 },
        ]);
        expect(await findNonFinite(checkpoint.weights)).toEqual(nonFinite);
      },
    );

    it('reports progress', async () => {
      const seen: [number, number][] = [];
      await importCheckpoint(golden('oa16'), fresh(), { progress: (done, total) => seen.push([done, total]) });
      const [last] = seen.slice(-1);

      expect(last?.[0]).toBe(last?.[1]);
      expect(last?.[1]).toBe(4 * 41_216);
    });
  });

  describe('the palette', () => {
    const colors = Float32Array.from({ length: 48 }, (_, i) => i / 48);

    it('comes from kmeans_centers.npy beside the weights', async () => {
      const source = await folder(golden('oa16', 'model.safetensors'));
      await writeFile(join(source, 'kmeans_centers.npy'), encodeNpy(colors, [16, 3]));
      const { checkpoint } = await importCheckpoint(source, fresh());

      expect(checkpoint.preprocessing).toMatchObject({ height: 8, width: 8, resample: 2, crop: 'none' });
      expect(checkpoint.preprocessing?.palette).toEqual(colors);
    });

    it('comes from the given file, .npy or preprocessor_config.json', async () => {
      const npy = join(directory, 'other.npy');
      await writeFile(npy, encodeNpy(Float64Array.from(colors), [16, 3]));
      const fromNpy = await importCheckpoint(golden('oa16'), fresh(), { palette: npy });
      const fromJson = await importCheckpoint(golden('oa16'), fresh(), {
        palette: join(fromNpy.checkpoint.directory, 'preprocessor_config.json'),
      });

      expect(fromNpy.checkpoint.preprocessing?.palette).toEqual(colors);
      expect(fromJson.checkpoint.preprocessing?.palette).toEqual(colors);
    });

    it('keeps the other keys of preprocessor_config.json, and its size becomes height and width', async () => {
      await using tiny = await tinyCheckpoint({ resample: 3, preprocessorConfig: { size: 4, do_rescale: true } });
      const { checkpoint } = await importCheckpoint(tiny.directory, fresh());
      const json: unknown = JSON.parse(await readFile(join(checkpoint.directory, 'preprocessor_config.json'), 'utf8'));

      expect(json).toMatchObject({ size: { height: 4, width: 4 }, do_rescale: true, resample: 3 });
    });

    it('may be missing: the model then takes tokens', async () => {
      const { checkpoint } = await importCheckpoint(golden('oa16'), fresh());
      expect(checkpoint.preprocessing).toBeUndefined();
    });

    it.each([
      ['of another number of colours', encodeNpy(new Float32Array(45), [15, 3]), /15 colours; expected 16/],
      ['of four channels', encodeNpy(new Float32Array(64), [16, 4]), /expected \[colours, 3\]/],
      ['of bytes', encodeNpy(new Uint8Array(48).fill(200), [16, 3]), /holds 200; expected colours in \[-1, 1\]/],
      ['that is not a .npy file', Buffer.from('hello'), /cannot be used as a palette/],
    ])('%s is refused, and nothing is written', async (_, bytes, message) => {
      const palette = join(directory, 'wrong.npy');
      await writeFile(palette, bytes);
      const out = fresh();

      await expect(importCheckpoint(golden('oa16'), out, { palette })).rejects.toThrow(message);
      expect(await readdir(directory)).not.toContain(out.split('/').at(-1));
    });
  });

  describe('igpt import refuses', () => {
    it('to replace a model without --force', async () => {
      const out = fresh();
      await importCheckpoint(golden('oa16'), out);
      const before = await readFile(join(out, 'model.safetensors'));

      await expect(importCheckpoint(golden('hf16', 'model.safetensors'), out)).rejects.toThrow(/add --force/);
      expect(await readFile(join(out, 'model.safetensors'))).toEqual(before);
      await importCheckpoint(golden('hf16', 'model.safetensors'), out, { force: true });
      expect((await openCheckpoint(out)).config.n_layer).toBe(4);
    });

    it('to replace anything but a model, even with --force', async () => {
      const out = await folder(golden('quant', 'README.md'));
      await writeFile(join(out, 'thesis.tex'), 'years of work');
      const link = fresh();
      await symlink(out, link);

      await expect(importCheckpoint(golden('oa16'), out, { force: true })).rejects.toThrow(
        /thesis.tex, which is not a model file/,
      );
      await expect(importCheckpoint(golden('oa16'), link, { force: true })).rejects.toThrow(/is a link/);
      await expect(importCheckpoint(golden('oa16'), join(out, 'thesis.tex'), { force: true })).rejects.toThrow(
        /a file/,
      );
      await expect(importCheckpoint(golden('oa16'), join(fresh(), 'x'))).rejects.toThrow(/does not exist/);
      expect(await readFile(join(out, 'thesis.tex'), 'utf8')).toBe('years of work');
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
    });

    it('to replace the folder that it reads from, even with --force', async () => {
      const out = fresh();
      await importCheckpoint(golden('oa16'), out);
      const readme = join(out, 'README.md');
      await writeFile(readme, 'mine');

      await expect(importCheckpoint(out, `${out}/`, { force: true })).rejects.toThrow(
        /is the folder of the weights to import/,
      );
      await expect(importCheckpoint(join(out, 'model.safetensors'), out, { force: true })).rejects.toThrow(/to import/);
      expect(await readFile(readme, 'utf8')).toBe('mine');
    });

    it('a number of heads that contradicts config.json', async () => {
      await expect(importCheckpoint(golden('oa16'), fresh(), { heads: 4 })).rejects.toThrow(
        /--heads is 4, .* n_head 2/,
      );
    });

    it('an unknown number of heads, unless --heads gives it', async () => {
      await using tiny = await tinyCheckpoint();
      await rm(join(tiny.directory, 'config.json'));

      await expect(importCheckpoint(tiny.directory, fresh())).rejects.toMatchObject({ code: 'heads_unknown' });
      const { checkpoint } = await importCheckpoint(tiny.directory, fresh(), { heads: 4 });
      expect(checkpoint.config).toMatchObject({ n_head: 4, n_layer: 2, n_positions: 16, n_colors: 8 });
    });

    it('weights of another model, and weights with a missing part', async () => {
      await using other = await tinyCheckpoint({
        tensors: (all) => all.map((tensor) => ({ ...tensor, name: tensor.name.replace('transformer.', 'bert/') })),
      });
      await rm(join(other.directory, 'config.json'));
      await expect(importCheckpoint(other.directory, fresh())).rejects.toThrow(/not of an iGPT; .*bert\//);

      await using part = await tinyCheckpoint({
        tensors: (all) => all.filter(({ name }) => !name.endsWith('h.1.mlp.c_fc.weight')),
      });
      await expect(importCheckpoint(part.directory, fresh())).rejects.toMatchObject({ code: 'tensor_missing' });
    });

    it('an index of shards that lists a file outside the directory', async () => {
      const source = await folder(golden('hf16', 'config.json'));
      const secret = join(directory, 'secret.bin');
      await cp(golden('hf16', 'pytorch_model.bin'), secret);
      for (const shard of ['../secret.bin', secret, '..', '.', '', 'a/b.bin', 'a\\b.bin', 'a\0b', 'a'.repeat(300)]) {
        await writeFile(
          join(source, 'pytorch_model.bin.index.json'),
          JSON.stringify({ weight_map: { 'transformer.wte.weight': shard } }),
        );
        await expect(importCheckpoint(source, fresh()), shard).rejects.toThrow(
          /expected a plain file name in the same directory/,
        );
      }
    });

    it('a missing path, an empty folder, several weight files, and a file of another kind', async () => {
      const empty = await folder();
      await expect(importCheckpoint(join(directory, 'nowhere'), fresh())).rejects.toThrow(/does not exist/);
      await expect(importCheckpoint(empty, fresh())).rejects.toThrow(/holds no weights/);
      await writeFile(join(empty, 'a.bin'), '');
      await writeFile(join(empty, 'b.pt'), '');
      await expect(importCheckpoint(empty, fresh())).rejects.toThrow(/several weight files \(a.bin, b.pt\)/);
      await expect(importCheckpoint(golden('hf16', 'config.json'), fresh())).rejects.toThrow(/is not a weight file/);
    });

    it('a link to itself, and a link to a device', async () => {
      const source = await folder(golden('hf16', 'config.json'));
      await symlink('pytorch_model.bin', join(source, 'pytorch_model.bin'));
      await expect(importCheckpoint(source, fresh())).rejects.toMatchObject({ code: 'weights_missing' });
      await rm(join(source, 'pytorch_model.bin'));
      await symlink('/dev/zero', join(source, 'pytorch_model.bin'));
      await expect(importCheckpoint(source, fresh())).rejects.toThrow(/not a regular file/);
    });

    it('damaged weights, and leaves nothing behind', async () => {
      const broken = await folder(golden('hf16', 'config.json'));
      const bytes = await readFile(golden('hf16', 'pytorch_model.bin'));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
      await writeFile(join(broken, 'pytorch_model.bin'), bytes);
      const before = (await readdir(directory)).sort();

      await expect(importCheckpoint(broken, fresh())).rejects.toThrow(/damaged/);
      expect((await readdir(directory)).sort()).toEqual(before);
    });
  });
});
