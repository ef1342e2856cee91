import { describe, expect, it } from 'vitest';
import { blocksCost, classesCost, logitsCost } from '../../../lib/checkpoint/cost.ts';
import { modelShape } from '../../support/model-shape.ts';

describe('cost', () => {
  // GFLOP a picture; worked out by hand from the matrix sizes, 2 FLOP per multiply-add.
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

  it('of features grows with the layer, from nothing at the embeddings', () => {
    const config = modelShape(24, 512, 1024);

    expect(blocksCost(config, 0)).toEqual({ full: 0, causal: 0 });
    expect(blocksCost(config, 12).full * 2).toBe(blocksCost(config, 24).full);
  });

  it('of classes is that of the layer and a small matrix', () => {
    const config = modelShape(24, 512, 1024);

    expect(classesCost(config, 12, 10, 512).full - blocksCost(config, 12).full).toBe(10_240);
  });

  it('of a BERT model has no half that a mask hides', () => {
    const { full, causal } = logitsCost({ ...modelShape(24, 512, 1024), objective: 'bert' });

    expect(causal).toBe(full);
  });
});
