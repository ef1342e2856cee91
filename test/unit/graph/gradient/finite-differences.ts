import { expect } from 'vitest';
import { backpropagate, createGradients, createTape, record, type Tape } from '../../../../lib/graph/gradient/tape.ts';
import { addConstant, addInput, addNode, addOutput, createGraph, type Value } from '../../../../lib/graph/graph.ts';
import { multiply } from '../../../../lib/graph/operators.ts';
import { prune } from '../../../../lib/graph/training/training-step-graph.ts';
import { openTrainingExecution } from '../../../../lib/runtime/training-execution.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

type Shape = readonly number[];

/** Half of the difference's width: small against the functions' curvature, large against float32 rounding. */
const step = 1e-2;
/** Number of elements of each input that are checked. */
const checkedElements = 24;

const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/**
 * Compares the gradients that an operation appends with central differences of its forward nodes. The loss is the sum
 * of the outputs times fixed random numbers, or the loss that `build` returns.
 */
export async function expectGradients(
  inputs: Readonly<Record<string, Shape>>,
  build: (tape: Tape) => { outputs: readonly { value: Value; shape: Shape }[] } | { loss: Value },
  constants: Readonly<Record<string, Int32Array | Float32Array>> = {},
): Promise<void> {
  const random = seededRandom(7);
  const draw = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  const graph = createGraph('finite differences');
  const tape = createTape(graph);
  const data = new Map<string, Float32Array>();
  for (const [name, shape] of Object.entries(inputs)) {
    addInput(graph, name, 'float32', shape);
    data.set(name, draw(sizeOf(shape)));
  }
  for (const [name, values] of Object.entries(constants)) addConstant(graph, name, values, [values.length]);
  const built = build(tape);
  const losses = 'loss' in built ? [built.loss] : [];
  if ('outputs' in built) {
    built.outputs.forEach(({ value, shape }, i) => {
      const weights = addConstant(graph, `weights ${i}`, draw(sizeOf(shape)), shape);
      const sum = addNode(graph, 'ReduceSum', [multiply(graph, value, weights)], {
        keepdims: { kind: 'int', value: 0 },
      });
      record(tape, [], (_, gradients) => gradients.add(value, weights));
      losses.push(sum);
    });
  }
  const gradients = createGradients(graph);
  backpropagate(tape, gradients);
  addOutput(graph, 'loss', addNode(graph, 'Sum', losses), 'float32', []);
  for (const [name, shape] of Object.entries(inputs)) {
    addOutput(graph, `gradient ${name}`, gradients.get(name) ?? '', 'float32', shape);
  }
  prune(graph);
  const execution = await openTrainingExecution(graph, 1);
  const results = () =>
    execution.execute(
      (name) => ({ type: 'float32', data: data.get(name)! }),
      () => undefined,
    );
  const analytic = await results();
  for (const [name, values] of data) {
    const gradient = analytic.get(`gradient ${name}`)!;
    const scale = gradient.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    for (let checked = 0; checked < Math.min(checkedElements, values.length); checked++) {
      const i = values.length <= checkedElements ? checked : Math.floor(random() * values.length);
      const before = values[i]!;
      const at = async (value: number) => {
        values[i] = value;
        return (await results()).get('loss')![0]!;
      };
      const difference = ((await at(before + step)) - (await at(before - step))) / (2 * step);
      values[i] = before;
      expect(
        Math.abs(gradient[i]! - difference) / scale,
        `${name}[${i}]: ${gradient[i]}, not ${difference}`,
      ).toBeLessThan(5e-3);
    }
  }
  await execution.close();
}
