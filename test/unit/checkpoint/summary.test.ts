import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { blocksCost, classesCost, logitsCost, paperParameters, summarize } from '../../../lib/checkpoint/summary.ts';
import { modelShape } from '../../support/model-shape.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

describe('cost', () => {
  // GFLOP per picture, computed by hand from the matrix sizes (2 FLOP per multiply-add).
  it.each([
    ['S at 32x32', modelShape(24, 512, 1024), 206.7, 180.9],
    ['M at 32x32', modelShape(36, 1024, 1024), 1083.4, 1006.1],
    ['L at 32x32', modelShape(48, 1536, 1024), 3094.0, 2939.4],
    ['L at 48x48', modelShape(48, 1536, 2304), 7831.2, 7048.4],
    ['XL at 64x64', modelShape(60, 3072, 4096), 68_045, 61_860],
  ])('of the logits of iGPT-%s', (_, config, full, causal) => {
    expect(logitsCost(config).full / 1e9).toBeCloseTo(full, full > 10_000 ? 0 : 1);
    expect(logitsCost(config).causal / 1e9).toBeCloseTo(causal, causal > 10_000 ? 0 : 1);
  });

  it('of features grows with the layer, from 0 at the embeddings', () => {
    const config = modelShape(24, 512, 1024);

    expect(blocksCost(config, 0)).toEqual({ full: 0, causal: 0 });
    expect(blocksCost(config, 12).full * 2).toBe(blocksCost(config, 24).full);
  });

  it('of classes is that of the layer plus a small matrix', () => {
    const config = modelShape(24, 512, 1024);

    expect(classesCost(config, 12, 10, 512).full - blocksCost(config, 12).full).toBe(10_240);
  });

  it('of a BERT model includes both halves of the attention', () => {
    const { full, causal } = logitsCost({ ...modelShape(24, 512, 1024), objective: 'bert' });

    expect(causal).toBe(full);
  });
});

describe('summary', () => {
  const nano = join(import.meta.dirname, '../../../lib/models/igpt-nano');

  async function summaryOf(options: TinyCheckpointOptions) {
    await using tiny = await tinyCheckpoint(options);
    return summarize(await openCheckpoint(tiny.directory));
  }

  describe('paperParameters', () => {
    it.each([
      ['S', modelShape(24, 512, 1024), 76_571_648],
      ['M', modelShape(36, 1024, 1024), 455_157_760],
      ['L', modelShape(48, 1536, 1024), 1_362_250_752],
      ['L at 48x48', modelShape(48, 1536, 2304), 1_364_216_832],
      ['XL', modelShape(60, 3072, 4096), 6_810_875_904],
    ])('counts like the paper for iGPT-%s', (_, config, expected) => {
      expect(paperParameters(config)).toBe(expected);
    });
  });

  describe('summarize', () => {
    it('describes igpt-nano', async () => {
      const summary = summarize(await openCheckpoint(nano));

      expect(summary).toMatchObject({
        name: 'igpt-nano',
        variant: 'custom',
        layout: 'huggingface',
        objective: 'ar',
        resolution: { height: 16, width: 16 },
        class_head: 'score',
        dtype: 'F32',
        bytes: 5_420_256,
        // File size without header: 5,413,888 bytes of f32.
        parameters: 5_413_888 / 4,
      });
      expect(summary.costs.map(({ output, layers }) => [output, layers])).toEqual([
        ['features', 3],
        ['classes', 6],
        ['likelihood', 6],
        ['logits', 6],
      ]);
    });

    it('says what the class head reads, why, and that plain tokens take a pass of their own', async () => {
      const config = { architectures: ['ImageGPTForImageClassification'] };
      const plain = await summaryOf({ config });
      expect(plain.input).toBe('plain');
      expect(plain.input_reason).toMatch(/no igpt\.input .* architecture is ImageGPTForImageClassification/);
      expect(plain.costs.filter(({ own_pass }) => own_pass).map(({ output }) => output)).toEqual(['classes']);

      const behind = await summaryOf({ config: { igpt: { input: 'sos' } } });
      expect(behind).toMatchObject({ input: 'sos', input_reason: 'igpt.input is sos in config.json' });
      expect(behind.costs.some(({ own_pass }) => own_pass)).toBe(false);

      expect(await summaryOf({ classes: 0, config })).toMatchObject({ input: null, input_reason: null });
      expect(await summaryOf({ objective: 'bert' })).toMatchObject({ input: null, input_reason: /BERT/ });
    });

    it('counts stored parameters', async () => {
      // d = 4, L = 1, n = 4, V = 2, C = 0: wte 3x4 (with SOS), wpe 4x4, block 12 d^2 + 2 d + 9 d biases, ln_f 4, head
      // 2x4.
      const tiny = { n_embd: 4, n_layer: 1, size: 2, n_colors: 2, classes: 0 };

      expect((await summaryOf(tiny)).parameters).toBe(12 + 16 + (192 + 8 + 36) + 4 + 8);
      expect((await summaryOf({ ...tiny, biases: 'absent' })).parameters).toBe(12 + 16 + (192 + 8) + 4 + 8);
      expect((await summaryOf({ ...tiny, layout: 'openai' })).parameters).toBe(12 + 16 + (192 + 8) + 4 + 8);
      expect((await summaryOf(tiny)).paper_parameters).toBe(12 + 16 + (192 + 8) + 4 + 8);
    });

    it.each([
      ['S', { n_embd: 512, n_layer: 24, n_head: 8 }],
      ['M', { n_embd: 1024, n_layer: 36, n_head: 8 }],
      ['L', { n_embd: 1536, n_layer: 48, n_head: 16 }],
      ['XL', { n_embd: 3072, n_layer: 60, n_head: 24 }],
      ['custom', { n_embd: 512, n_layer: 24, n_head: 16 }],
    ])('names size %s', async (variant, size) => {
      const checkpoint = await openCheckpoint(nano);

      expect(summarize({ ...checkpoint, config: { ...checkpoint.config, ...size } }).variant).toBe(variant);
    });

    it('counts the cost of a probe up to its highest layer', async () => {
      await using tiny = await tinyCheckpoint({ n_layer: 4 });
      await writeProbe(join(tiny.directory, 'probe.safetensors'), {
        layers: [3, 1],
        norm: 'raw',
        labels: ['a', 'b'],
        weight: new Float32Array(2 * 32),
        bias: new Float32Array(2),
      });
      const summary = summarize(await openCheckpoint(tiny.directory));

      expect(summary.class_head).toBe('probe');
      expect(summary.costs.find(({ output }) => output === 'classes')?.layers).toBe(3);
    });

    it('omits outputs that the checkpoint cannot compute', async () => {
      const bert = await summaryOf({ layout: 'openai', objective: 'bert', classes: 0 });
      const base = await summaryOf({ lmHead: false, classes: 0, preprocessor: false });

      expect(bert.costs.map(({ output }) => output)).toEqual(['features', 'logits']);
      expect(base.costs.map(({ output }) => output)).toEqual(['features']);
      expect(base).toMatchObject({ resolution: null, crop: null, resample: null, class_head: null, labels: [] });
    });
  });
});
