import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkpointName, openCheckpoint, openTokenizerFiles } from '../../../lib/checkpoint/checkpoint.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { type TensorData, writeSafetensors } from '../../../lib/checkpoint/safetensors/write-safetensors.ts';
import { listWeights } from '../../../lib/checkpoint/weights-by-role.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

describe('checkpoint', () => {
  const nano = join(import.meta.dirname, '../../../lib/models/igpt-nano');

  /** Opens a tiny checkpoint and removes it again. */
  async function openTiny(options: TinyCheckpointOptions = {}) {
    await using tiny = await tinyCheckpoint(options);
    return await openCheckpoint(tiny.directory);
  }

  const without = (name: string) => (tensors: TensorData[]) => tensors.filter((tensor) => tensor.name !== name);
  const plus = (name: string, shape: readonly number[]) => (tensors: TensorData[]) => [
    ...tensors,
    { name, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
  ];
  const reshaped = (name: string, shape: readonly number[]) => (tensors: TensorData[]) =>
    plus(name, shape)(without(name)(tensors));

  describe('openCheckpoint', () => {
    it('opens igpt-nano', async () => {
      const { name, config, weights, preprocessing, labels, weightBytes } = await openCheckpoint(nano);

      expect(name).toBe('igpt-nano');
      expect(config).toEqual({
        n_colors: 512,
        n_positions: 256,
        n_embd: 128,
        n_layer: 6,
        n_head: 4,
        n_inner: 512,
        activation_function: 'quick_gelu',
        layer_norm_epsilon: 1e-5,
        objective: 'ar',
        feature_layer: 3,
        feature_norm: 'next',
        input: 'sos',
      });
      expect(weights.layout).toBe('huggingface');
      expect(weights.score?.shape).toEqual([10, 128]);
      expect(preprocessing).toMatchObject({ height: 16, width: 16, resample: 2, crop: 'none' });
      expect(preprocessing?.palette).toHaveLength(512 * 3);
      expect(labels).toContain('cat');
      expect(weightBytes).toBe(5_420_256);
    });

    it('reads the other names of config.json’s keys: the same model', async () => {
      await using plain = await tinyCheckpoint();
      await using named = await tinyCheckpoint({
        config: {
          ...{ n_embd: undefined, n_head: undefined, n_layer: undefined, n_positions: undefined },
          ...{ hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 2, max_position_embeddings: 16 },
        },
      });

      expect((await openCheckpoint(named.directory)).config).toEqual((await openCheckpoint(plain.directory)).config);
    });

    it('points every weight at its own bytes', async () => {
      for (const layout of ['huggingface', 'openai'] as const) {
        await using tiny = await tinyCheckpoint({ layout });
        const { weights } = await openCheckpoint(tiny.directory);
        const stored = listWeights(weights);
        const file = await readFile(join(weights.directory, 'model.safetensors'));

        expect(stored.map((weight) => weight.name).sort()).toEqual(tiny.tensors.map((tensor) => tensor.name).sort());
        for (const { name, offset, length } of stored) {
          const { data } = tiny.tensors.find((tensor) => tensor.name === name) ?? { data: new Float32Array() };
          expect(file.subarray(offset, offset + length)).toEqual(Buffer.from(data.buffer));
        }
      }
    });

    it('has defaults: ar, no crop, the middle layer after the next norm', async () => {
      const { config, preprocessing } = await openTiny({ n_layer: 5 });

      expect(config).toMatchObject({ objective: 'ar', feature_layer: 2, feature_norm: 'next' });
      expect(preprocessing?.crop).toBe('none');
    });

    it('reads the key igpt of config.json', async () => {
      const { config, preprocessing } = await openTiny({
        objective: 'bert',
        crop: 'short-224-center',
        feature_layer: 0,
        feature_norm: 'raw',
      });

      expect(config).toMatchObject({ objective: 'bert', feature_layer: 0, feature_norm: 'raw' });
      expect(preprocessing?.crop).toBe('short-224-center');
    });

    it('treats a key igpt of null as missing', async () => {
      expect((await openTiny({ config: { igpt: null } })).config).toMatchObject({
        objective: 'ar',
        feature_norm: 'next',
      });
    });

    it('opens saved base models, which lack the prefix and the heads', async () => {
      const { weights, labels } = await openTiny({ prefix: '', lmHead: false, classes: 0 });

      expect(weights.wte.name).toBe('wte.weight');
      expect(weights.lmHead).toBeUndefined();
      expect(weights.score).toBeUndefined();
      expect(labels).toEqual([]);
    });

    it('opens checkpoints without biases', async () => {
      const { weights } = await openTiny({ biases: 'absent' });

      expect(weights.blocks[0]?.fc).toBeDefined();
      expect(weights.blocks[0]?.fcBias).toBeUndefined();
      expect(weights.blocks[0]?.attention).toMatchObject({ layout: 'packed', bias: undefined });
    });

    it('opens OpenAI’s layout, with a start token only in autoregressive models', async () => {
      const ar = await openTiny({ layout: 'openai', n_head: 2, n_embd: 16 });
      const bert = await openTiny({ layout: 'openai', objective: 'bert' });

      expect(ar.config).toMatchObject({ objective: 'ar', n_colors: 8, n_positions: 16, n_inner: 64 });
      expect(ar.weights.sos?.shape).toEqual([16]);
      expect(ar.weights.blocks[0]?.attention).toMatchObject({ layout: 'split', q: { shape: [2, 8, 16] } });
      expect(bert.config.objective).toBe('bert');
      expect(bert.weights.sos).toBeUndefined();
    });

    it('opens OpenAI’s tensor names under a Hugging Face config.json', async () => {
      const { weights, config } = await openTiny({
        layout: 'openai',
        config: { n_vocab: undefined, n_ctx: undefined, vocab_size: 9, n_positions: 16 },
      });

      expect(weights.layout).toBe('openai');
      expect(config.n_colors).toBe(8);
    });

    it('drops the leading 1 that TensorFlow checkpoints may have', async () => {
      const { weights } = await openTiny({ layout: 'openai', tensors: reshaped('model/h0/mlp/c_fc/w', [1, 16, 64]) });

      expect(weights.blocks[0]?.fc.shape).toEqual([16, 64]);
    });

    it.each([
      ['the causal masks of old transformers', 'huggingface', 'transformer.h.0.attn.bias', [1, 1, 4, 4]],
      ['their masked bias', 'huggingface', 'transformer.h.1.attn.masked_bias', []],
      ['optimizer state', 'openai', 'model/h0/attn/q_proj/adam_m', [2, 8, 16]],
      ['the step counter', 'openai', 'global_step', []],
    ] as const)('ignores %s', async (_, layout, name, shape) => {
      const { weights } = await openTiny({ layout, tensors: plus(name, shape) });

      expect(listWeights(weights).map((weight) => weight.name)).not.toContain(name);
    });

    it('has no preprocessing without preprocessor_config.json', async () => {
      expect((await openTiny({ preprocessor: false })).preprocessing).toBeUndefined();
    });

    it('reads a resolution given as one number, and pictures that are not square', async () => {
      const square = await openTiny({ preprocessorConfig: { size: 4 } });
      const wide = await openTiny({ preprocessorConfig: { size: { height: 2, width: 8 } } });

      expect(square.preprocessing).toMatchObject({ height: 4, width: 4 });
      expect(wide.preprocessing).toMatchObject({ height: 2, width: 8 });
    });

    it('gives unnamed classes the same names as transformers', async () => {
      expect((await openTiny({ config: { id2label: undefined, num_labels: 3 } })).labels).toEqual([
        'LABEL_0',
        'LABEL_1',
        'LABEL_2',
      ]);
      expect((await openTiny({ config: { id2label: undefined } })).labels).toHaveLength(3);
    });

    it('prefers the probe to the class head', async () => {
      await using tiny = await tinyCheckpoint();
      await writeProbe(join(tiny.directory, 'probe.safetensors'), {
        layers: [1, 2],
        norm: 'raw',
        labels: ['on', 'off'],
        weight: new Float32Array(2 * 32).fill(0.5),
        bias: Float32Array.of(1, -1),
      });
      const { probe, labels } = await openCheckpoint(tiny.directory);

      expect(labels).toEqual(['on', 'off']);
      expect(probe?.layers).toEqual([1, 2]);
    });

    it('opens shards', async () => {
      await using tiny = await tinyCheckpoint();
      await shard(tiny.directory, tiny.tensors, [
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
      ]);
      const { weights, weightFiles } = await openCheckpoint(tiny.directory);

      expect(weightFiles).toHaveLength(2);
      expect(new Set(listWeights(weights).map((weight) => weight.file))).toEqual(new Set(weightFiles));
    });

    it('follows the links of a hub cache to the folder blobs', async () => {
      await using tiny = await tinyCheckpoint();
      const snapshot = join(tiny.directory, 'models--openai--imagegpt-small', 'snapshots', '0123abc');
      await mkdir(snapshot, { recursive: true });
      await mkdir(join(snapshot, '../../blobs'));
      for (const [i, name] of ['config.json', 'model.safetensors', 'preprocessor_config.json'].entries()) {
        await rename(join(tiny.directory, name), join(snapshot, '../../blobs', `${i}f00`));
        await symlink(`../../blobs/${i}f00`, join(snapshot, name));
      }
      const { name, weights } = await openCheckpoint(snapshot);

      expect(name).toBe('imagegpt-small');
      expect(weights.directory).toMatch(/blobs$/);
      expect(weights.wte.file).toBe('1f00');
    });
  });

  describe('openTokenizerFiles', () => {
    it('needs no weights', async () => {
      await using tiny = await tinyCheckpoint();
      await rm(join(tiny.directory, 'model.safetensors'));

      expect((await openTokenizerFiles(tiny.directory)).preprocessing?.palette).toHaveLength(24);
      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ code: 'weights_missing' });
    });
  });

  describe('openCheckpoint refuses', () => {
    it.each<[string, TinyCheckpointOptions, string, RegExp]>([
      [
        'a width that the heads do not divide',
        { config: { n_head: 3 } },
        'config_invalid',
        /n_embd is 16 .* n_head, 3/,
      ],
      [
        'a missing weight',
        { tensors: without('transformer.h.1.ln_2.weight') },
        'tensor_missing',
        /h\.1\.ln_2\.weight \[16\]/,
      ],
      ['a missing start token', { layout: 'openai', tensors: without('model/sos') }, 'tensor_missing', /model\/sos/],
      ['fewer layers than config.json says', { config: { n_layer: 3 } }, 'tensor_missing', /h\.2\.ln_1/],
      ['more layers than config.json says', { config: { n_layer: 1 } }, 'tensor_unexpected', /h\.1\./],
      [
        'a part that the model does not have',
        { tensors: plus('transformer.h.0.crossattention.c_attn.weight', [4]) },
        'tensor_unexpected',
        /crossattention/,
      ],
      ['another width', { config: { n_embd: 32 } }, 'tensor_shape', /\[9, 16\].*\[9, 32\]/],
      ['another palette size', { config: { vocab_size: 17 }, preprocessor: false }, 'tensor_shape', /wte/],
      [
        'a vocabulary without room for SOS',
        { tensors: reshaped('transformer.wte.weight', [8, 16]) },
        'tensor_shape',
        /\[9, 16\]/,
      ],
      ['another number of positions', { config: { n_positions: 64 }, preprocessor: false }, 'tensor_shape', /wpe/],
      ['another MLP width', { config: { n_inner: 32 } }, 'tensor_shape', /c_fc/],
      ['weights without embeddings', { tensors: (all) => all.slice(2) }, 'tensor_missing', /wte/],
      [
        'the tied output matrix',
        { config: { tie_word_embeddings: true } },
        'config_unsupported',
        /tie_word_embeddings .* true/,
      ],
      [
        'scaling by layer',
        { config: { scale_attn_by_inverse_layer_idx: true } },
        'config_unsupported',
        /inverse_layer/,
      ],
      ['unscaled attention', { config: { scale_attn_weights: false } }, 'config_unsupported', /scale_attn_weights/],
      ['cross attention', { config: { add_cross_attention: true } }, 'config_unsupported', /cross/],
      [
        'another activation',
        { config: { activation_function: 'mish' } },
        'config_unsupported',
        /"mish" .*; expected one of quick_gelu, gelu, gelu_new, relu, silu, gelu_python/,
      ],
      ['an unknown problem', { config: { problem_type: 'detection' } }, 'config_invalid', /problem_type/],
      [
        'two numbers of heads',
        { config: { num_attention_heads: 4 } },
        'config_invalid',
        /n_head 2 and num_attention_heads 4, two names of one setting/,
      ],
      ['another model', { config: { model_type: 'gpt2' } }, 'config_unsupported', /gpt2/],
      ['a palette beyond 16-bit tokens', { config: { vocab_size: 65_538 } }, 'config_unsupported', /65537/],
      ['a palette of one colour', { n_colors: 1 }, 'config_unsupported', /1 colours; expected 2 to 65536/],
      [
        'a palette of one colour in OpenAI’s layout',
        { layout: 'openai', n_colors: 1 },
        'config_unsupported',
        /has 1 colours/,
      ],
      ['a vocabulary of SOS alone', { config: { vocab_size: 1 } }, 'config_unsupported', /has 0 colours/],
      ['an unknown objective', { config: { igpt: { objective: 'mae' } } }, 'config_invalid', /igpt\.objective/],
      ['an unknown key inside igpt', { config: { igpt: { layer: 3 } } }, 'config_invalid', /layer/],
      [
        'a feature layer that does not exist',
        { feature_layer: 3 },
        'config_invalid',
        /feature_layer is 3 .*; expected 0 to 2/,
      ],
      ['a width that is not a number', { config: { n_embd: '16' } }, 'config_invalid', /n_embd/],
      [
        'an OpenAI config.json without n_ctx',
        { layout: 'openai', config: { n_ctx: undefined } },
        'config_invalid',
        /n_ctx/,
      ],
      [
        'a palette of another size',
        { preprocessorConfig: { clusters: [[0, 0, 0]] } },
        'palette_invalid',
        /1 colours; expected 8/,
      ],
      [
        'a preprocessor without palette',
        { preprocessorConfig: { clusters: undefined } },
        'palette_invalid',
        /no clusters .* with 8 clusters, .* igpt import with --palette/,
      ],
      [
        'a palette in 0 to 255',
        { preprocessorConfig: { clusters: Array(8).fill([0, 128, 255]) } },
        'palette_invalid',
        /128.*\[-1, 1\]/,
      ],
      [
        'a colour of two numbers',
        { preprocessorConfig: { clusters: Array(8).fill([0, 0]) } },
        'preprocessor_invalid',
        /clusters/,
      ],
      [
        'another resolution',
        { preprocessorConfig: { size: 8 } },
        'preprocessor_invalid',
        /8 x 8, which is 64 tokens; expected 16/,
      ],
      [
        'the processor’s default resolution',
        { preprocessorConfig: { size: undefined } },
        'preprocessor_invalid',
        /256 x 256/,
      ],
      ['an unknown filter', { preprocessorConfig: { resample: 6 } }, 'preprocessor_invalid', /resample/],
      ['a centre crop', { preprocessorConfig: { do_center_crop: true } }, 'preprocessor_invalid', /igpt\.crop/],
      ['another scale', { preprocessorConfig: { rescale_factor: 1 } }, 'preprocessor_invalid', /rescale_factor 1/],
      ['another mean', { preprocessorConfig: { image_mean: [0.4, 0.5, 0.5] } }, 'preprocessor_invalid', /image_mean/],
      [
        'pictures that are not normalized',
        { preprocessorConfig: { do_normalize: false } },
        'preprocessor_invalid',
        /do_normalize/,
      ],
      ['labels of another class head', { config: { id2label: { 0: 'a', 1: 'b' } } }, 'labels_mismatch', /2 classes.*3/],
      [
        'id2label and num_labels that differ',
        { config: { id2label: { 0: 'a', 1: 'b', 2: 'c' }, num_labels: 4 } },
        'config_invalid',
        /id2label has 3 classes and num_labels is 4/,
      ],
      ['num_labels of another class head', { config: { id2label: undefined, num_labels: 4 } }, 'labels_mismatch', /4/],
      ['labels with a gap', { config: { id2label: { 0: 'a', 1: 'b', 3: 'd' } } }, 'config_invalid', /number 2/],
    ])('%s', async (_, options, code, message) => {
      await expect(openTiny(options)).rejects.toMatchObject({ name: 'CheckpointError', code });
      await expect(openTiny(options)).rejects.toThrow(message);
    });

    it.each<[string, (directory: string) => Promise<unknown>, string]>([
      ['a missing directory', (directory) => rename(directory, `${directory}-away`), 'checkpoint_missing'],
      ['a missing config.json', (directory) => rm(join(directory, 'config.json')), 'config_missing'],
      [
        'a config.json that is not JSON',
        (directory) => writeFile(join(directory, 'config.json'), '{'),
        'config_invalid',
      ],
      [
        'a config.json that is a list',
        (directory) => writeFile(join(directory, 'config.json'), '[]'),
        'config_invalid',
      ],
      ['missing weights', (directory) => rm(join(directory, 'model.safetensors')), 'weights_missing'],
      ['weights cut short', (directory) => truncate(join(directory, 'model.safetensors'), 5000), 'weights_truncated'],
      ['weights of no bytes', (directory) => truncate(join(directory, 'model.safetensors'), 0), 'weights_truncated'],
      [
        'a damaged palette',
        (directory) => writeFile(join(directory, 'preprocessor_config.json'), ''),
        'preprocessor_invalid',
      ],
      ['a broken link as model.safetensors', (directory) => dangle(directory, 'model.safetensors'), 'weights_missing'],
      ['a broken link as config.json', (directory) => dangle(directory, 'config.json'), 'config_invalid'],
      [
        'a broken link as preprocessor_config.json',
        (directory) => dangle(directory, 'preprocessor_config.json'),
        'preprocessor_invalid',
      ],
      ['a broken link as probe.safetensors', (directory) => dangle(directory, 'probe.safetensors'), 'probe_invalid'],
      ['a directory in place of config.json', (directory) => replace(directory, 'config.json'), 'config_invalid'],
      ['a damaged probe', (directory) => writeFile(join(directory, 'probe.safetensors'), 'x'), 'weights_truncated'],
    ])('%s', async (_, damage, code) => {
      await using tiny = await tinyCheckpoint();
      await damage(tiny.directory);

      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ name: 'CheckpointError', code });
      await rm(`${tiny.directory}-away`, { recursive: true, force: true });
    });

    // Opening a pipe without a writer would wait forever.
    it.skipIf(process.platform === 'win32').each([
      ['config.json', 'config_invalid'],
      ['preprocessor_config.json', 'preprocessor_invalid'],
      ['model.safetensors', 'weights_missing'],
      ['probe.safetensors', 'probe_invalid'],
    ])('a pipe as %s, without waiting for a writer', async (file, code) => {
      await using tiny = await tinyCheckpoint();
      await rm(join(tiny.directory, file), { force: true });
      execFileSync('mkfifo', [join(tiny.directory, file)]);

      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ name: 'CheckpointError', code });
      await expect(openCheckpoint(tiny.directory)).rejects.toThrow(`${file} is not a regular file`);
    });

    it('a file in place of the directory', async () => {
      await expect(openCheckpoint(join(nano, 'config.json'))).rejects.toMatchObject({ code: 'checkpoint_missing' });
    });

    it('PyTorch weights, and suggests igpt import', async () => {
      await using tiny = await tinyCheckpoint();
      await rename(join(tiny.directory, 'model.safetensors'), join(tiny.directory, 'pytorch_model.bin'));

      await expect(openCheckpoint(tiny.directory)).rejects.toThrow(/igpt import/);
    });

    it('weights of another number format', async () => {
      await using tiny = await tinyCheckpoint();
      const path = join(tiny.directory, 'model.safetensors');
      const header = '{"transformer.wte.weight":{"dtype":"I16","shape":[9,16],"data_offsets":[0,288]}}';
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      await writeFile(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(288)]));

      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ code: 'tensor_dtype' });
    });

    it.each([
      ['../model.safetensors', 'weights_invalid'],
      ['/etc/passwd', 'weights_invalid'],
      ['..', 'weights_invalid'],
      ['sub/model.safetensors', 'weights_invalid'],
      ['model-00009-of-00009.safetensors', 'weights_missing'],
    ])('an index that lists the shard %s', async (name, code) => {
      await using tiny = await tinyCheckpoint();
      await rm(join(tiny.directory, 'model.safetensors'));
      await writeFile(
        join(tiny.directory, 'model.safetensors.index.json'),
        JSON.stringify({ weight_map: { 'transformer.wte.weight': name } }),
      );

      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ code });
    });

    it('shards that are links into different folders', async () => {
      await using tiny = await tinyCheckpoint();
      const elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'));
      const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
      await shard(tiny.directory, tiny.tensors, names);
      await cp(join(tiny.directory, names[1]), join(elsewhere, names[1]));
      await rm(join(tiny.directory, names[1]));
      await symlink(join(elsewhere, names[1]), join(tiny.directory, names[1]));

      await expect(openCheckpoint(tiny.directory)).rejects.toMatchObject({ code: 'weights_scattered' });
      await rm(elsewhere, { recursive: true });
    });
  });

  /** Replaces model.safetensors by shards with an index, as transformers writes them. */
  async function shard(directory: string, tensors: readonly TensorData[], names: readonly string[]): Promise<void> {
    const weight_map: Record<string, string> = {};
    for (const [i, name] of names.entries()) {
      const part = tensors.filter((_, t) => t % names.length === i);
      await writeSafetensors(join(directory, name), part);
      for (const tensor of part) {
        weight_map[tensor.name] = name;
      }
    }
    await rm(join(directory, 'model.safetensors'));
    await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
  }

  async function dangle(directory: string, file: string): Promise<void> {
    await rm(join(directory, file), { force: true });
    await symlink('nowhere', join(directory, file));
  }

  async function replace(directory: string, file: string): Promise<void> {
    await rm(join(directory, file));
    await mkdir(join(directory, file));
  }
});

describe('checkpointName', () => {
  it.each([
    ['openai/imagegpt-small', '/models/abc', 'imagegpt-small'],
    [undefined, '/models/my model (1)', 'my-model-1'],
    ['', '/models/tiny', 'tiny'],
    ['C:\\runs\\igpt', '/models/abc', 'igpt'],
    [undefined, '/cache/models--openai--imagegpt-small/snapshots/0123abcdef', 'imagegpt-small'],
    [undefined, '/cache/models--gpt2/snapshots/0123abcdef', 'gpt2'],
    ['../..', '/models/..hidden', 'hidden'],
    ['模型', '/模型', 'model'],
    [undefined, '/', 'model'],
  ])('%s in %s gives %s', (nameOrPath, directory, name) => {
    expect(checkpointName(nameOrPath, directory)).toBe(name);
  });

  it('has at most 64 characters', () => {
    expect(checkpointName('x'.repeat(1000), '/')).toHaveLength(64);
  });
});
