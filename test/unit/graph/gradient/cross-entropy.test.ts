import { test } from 'vitest';
import { crossEntropy } from '../../../../lib/graph/gradient/cross-entropy.ts';
import { expectGradients } from './finite-differences.ts';

test('a weighted cross entropy, with a row of weight 0', () =>
  expectGradients({ logits: [3, 4] }, (tape) => ({ loss: crossEntropy(tape, 'logits', 'targets', 'shares').loss }), {
    targets: Int32Array.of(1, 0, 3),
    shares: Float32Array.of(0.5, 0, 2),
  }));
