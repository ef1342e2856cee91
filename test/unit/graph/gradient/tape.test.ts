import { expect, test } from 'vitest';
import { linear, silu } from '../../../../lib/graph/gradient/operators.ts';
import {
  backpropagate,
  createGradients,
  createTape,
  recomputed,
  record,
  type Tape,
} from '../../../../lib/graph/gradient/tape.ts';
import { createGraph, type Value } from '../../../../lib/graph/graph.ts';
import { expectGradients } from './finite-differences.ts';

const layer = (tape: Tape, [x = '']: readonly Value[]) => [silu(tape, linear(tape, x, 2, { weight: 'w' }))];

test('the gradient of recomputed operations', () =>
  expectGradients({ x: [2, 3], w: [3, 3] }, (tape) => {
    const [once = ''] = recomputed(tape, ['x'], layer);
    const [twice = ''] = recomputed(tape, [once], layer);
    return { outputs: [{ value: twice, shape: [2, 3] }] };
  }));

test('operations are appended a second time only if there is a gradient', () => {
  const graph = createGraph('g');
  const tape = createTape(graph);
  const [y = ''] = recomputed(tape, ['x'], layer);
  const sigmoids = () => graph.nodes.filter(({ operator }) => operator === 'Sigmoid').length;
  expect(sigmoids()).toBe(1);
  backpropagate(tape, createGradients(graph));
  expect(sigmoids()).toBe(1);
  record(tape, [], (_, gradients) => gradients.add(y, 'dy'));
  backpropagate(tape, createGradients(graph));
  expect(sigmoids()).toBe(2);
});
