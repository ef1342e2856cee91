import { expect, test } from 'vitest';
import { differentiable } from '../../../../lib/graph/gradient/activation.ts';
import { createTape } from '../../../../lib/graph/gradient/tape.ts';
import { addInput, addOutput, createGraph } from '../../../../lib/graph/graph.ts';
import { activate } from '../../../../lib/graph/operators.ts';
import { activations } from '../../../../lib/image-gpt/activation.ts';
import { openTrainingExecution } from '../../../../lib/runtime/training-execution.ts';
import { expectGradients } from './finite-differences.ts';

test.each(activations)('the gradient of %s', (name) =>
  expectGradients({ x: [4, 5] }, (tape) => ({
    outputs: [{ value: differentiable[name].apply(tape, 'x'), shape: [4, 5] }],
  })),
);

// By Python's math module, for instance 0.5 * x * (1 + erf(x / sqrt(2))).
const inputs = [-3, -1, -0.25, 0, 0.5, 2, 5];
test.each([
  ['quick_gelu', [-0.01807131, -0.1542042, -0.09880035, 0, 0.3503884, 1.935659, 4.998993]],
  ['silu', [-0.1422776, -0.2689414, -0.1094559, 0, 0.3112297, 1.761594, 4.966536]],
  ['gelu', [-0.004049694, -0.1586553, -0.1003234, 0, 0.3457312, 1.9545, 4.999999]],
  ['gelu_new', [-0.003637392, -0.158808, -0.1003246, 0, 0.345714, 1.954598, 5]],
  ['relu', [0, 0, 0, 0, 0.5, 2, 5]],
] as const)('%s has the values of its definition, in inference and in training', async (name, expected) => {
  const graph = createGraph('activation');
  const shape = [inputs.length];
  addInput(graph, 'x', 'float32', shape);
  addInput(graph, 'scaled', 'float32', shape);
  addOutput(graph, 'inferred', activate(graph, 'x', name), 'float32', shape);
  const { before, after, apply } = differentiable[name];
  addOutput(graph, 'trained', apply(createTape(graph), 'scaled'), 'float32', shape);
  const execution = await openTrainingExecution(graph, 1);
  const results = await execution.execute(
    (input) => ({ type: 'float32', data: Float32Array.from(inputs, (x) => (input === 'x' ? x : before * x)) }),
    () => undefined,
  );
  await execution.close();
  expected.forEach((value, i) => {
    expect(results.get('inferred')?.[i]).toBeCloseTo(value, 6);
    expect(after * (results.get('trained')?.[i] ?? Number.NaN)).toBeCloseTo(value, 6);
  });
});
