import { test } from 'vitest';
import { rmsNorm } from '../../../../lib/graph/gradient/rms-norm.ts';
import { expectGradients } from '../../../support/finite-differences.ts';

test.each([1e-5, 0.5])('root mean square norm with epsilon %d, by the input and by the gain', (epsilon) =>
  expectGradients({ x: [3, 8], g: [8] }, (tape) => ({
    outputs: [{ value: rmsNorm(tape, 'x', 'g', 8, epsilon), shape: [3, 8] }],
  })),
);
