import { describe, expect, it } from 'vitest';
import { variantCheckpoint } from '../../../lib/checkpoint/initial-weights.ts';
import { summarize } from '../../../lib/checkpoint/summary.ts';
import { type VariantOptions, variantConfig, variantHeads } from '../../../lib/checkpoint/variants.ts';
import { forwardGraph } from '../../../lib/graph/forward-graph.ts';

/** Parameters as the paper counts them. */
const paper: [...Parameters<typeof variantConfig>, number][] = [
  ['S', {}, 76_571_648],
  ['M', {}, 455_157_760],
  ['L', {}, 1_362_250_752],
  ['L', { resolution: 48 }, 1_364_216_832],
  ['XL', {}, 6_810_875_904],
  ['XL', { resolution: 32 }, 6_801_438_720],
];

const summary = (variant: Parameters<typeof variantConfig>[0], options: VariantOptions = {}) =>
  summarize(variantCheckpoint('x', variantConfig(variant, options)));

describe('the published sizes', () => {
  it.each(paper)('iGPT-%s %j has as many parameters as the paper counts: %i', (variant, options, expected) => {
    expect(summary(variant, options)).toMatchObject({ variant, paper_parameters: expected });
  });

  it('have 9 d biases more per layer in Hugging Face’s layout', () => {
    expect(summary('S').parameters).toBe(76_682_240);
    for (const [variant, options, count] of paper) {
      const { parameters, n_layer, n_embd } = summary(variant, options);
      expect(parameters - count).toBe(9 * n_layer * n_embd);
    }
  });

  it('have no start token in BERT models', () => {
    expect(summary('S', { objective: 'bert' }).paper_parameters).toBe(76_571_648 - 512);
  });

  it('take 206.7 (S) to 68,045 (XL) GFLOP per picture', () => {
    const logits = (variant: 'S' | 'XL') => summary(variant).costs.find(({ output }) => output === 'logits');

    expect(logits('S')?.gflop).toBeCloseTo(206.7, 1);
    expect(logits('XL')?.gflop).toBeCloseTo(68_045, -2);
    expect(logits('XL')?.gflop_causal).toBeCloseTo(61_860, -2);
  });

  it('have 24 heads in XL by default', () => {
    expect(summary('XL').n_head).toBe(24);
    expect(summary('XL', { heads: 32 })).toMatchObject({ n_head: 32, variant: 'XL' });
    expect(variantHeads(3072, 60)).toBeUndefined();
    expect(variantHeads(1536, 48)).toBe(16);
  });

  it('have 453 MB of weights per block in XL, and the features of layer l use only l blocks', () => {
    const { config, weights } = variantCheckpoint('xl', variantConfig('XL'));
    const bytes = (layer: number) => {
      const graph = forwardGraph({ config, weights }, { features: { layers: [layer], norm: 'next', pool: 'mean' } });
      return [...graph.initializers.values()].reduce(
        (sum, initializer) => sum + ('file' in initializer ? initializer.length : 0),
        0,
      );
    };

    // 12 d^2 + 2 d gains + 9 d biases, 4 bytes each
    expect(bytes(1) - bytes(0)).toBe(4 * (12 * 3072 ** 2 + 11 * 3072));
    expect(bytes(30) - bytes(0)).toBe(30 * (bytes(1) - bytes(0)));
  });
});
