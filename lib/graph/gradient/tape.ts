import type { Graph, Value } from '../graph.ts';
import { add } from '../operators.ts';

/** Gradients of the loss by value, summed over all uses of the value. */
export interface Gradients {
  get(value: Value): Value | undefined;
  /** Adds `gradient`, which has the shape of `value`. */
  add(value: Value, gradient: Value): void;
  /** Like `add`, for an operation that can itself add to a sum (Gemm's C): this saves a pass over memory. */
  accumulate(value: Value, contribute: (sum: Value | undefined) => Value): void;
}

/**
 * Appends the gradient of one operation. `outputs` are the gradients of its outputs; undefined if the loss does not use
 * one.
 */
type Backward = (outputs: readonly (Value | undefined)[], gradients: Gradients) => void;

/**
 * Records the operations of a forward pass for reverse-mode differentiation. Each operation of this folder appends its
 * forward nodes to the graph and records how to append its gradient.
 */
export interface Tape {
  readonly graph: Graph;
  readonly steps: { outputs: readonly Value[]; backward: Backward }[];
}

export function createTape(graph: Graph): Tape {
  return { graph, steps: [] };
}

export function record(tape: Tape, outputs: readonly Value[], backward: Backward): void {
  tape.steps.push({ outputs, backward });
}

/**
 * Appends the gradients of all recorded operations, from the last to the first. A loss is recorded without outputs, so
 * its gradient is always appended: it is where backpropagation starts.
 */
export function backpropagate(tape: Tape, gradients: Gradients): void {
  for (const { outputs, backward } of tape.steps.toReversed()) {
    const found = outputs.map((output) => gradients.get(output));
    if (outputs.length === 0 || found.some((gradient) => gradient !== undefined)) backward(found, gradients);
  }
}

/** @param sums initial gradients of some values, such as the sums of earlier parts of a batch */
export function createGradients(graph: Graph, sums: ReadonlyMap<Value, Value> = new Map()): Gradients {
  const known = new Map(sums);
  function accumulate(value: Value, contribute: (sum: Value | undefined) => Value): void {
    known.set(value, contribute(known.get(value)));
  }
  return {
    get: (value) => known.get(value),
    add: (value, gradient) => accumulate(value, (sum) => (sum === undefined ? gradient : add(graph, sum, gradient))),
    accumulate,
  };
}

/**
 * Activation recomputation: of the operations that `build` appends, only the inputs are kept. The gradient appends the
 * operations a second time. This takes a third more products and a fraction of the memory. The session must not
 * optimise the graph: onnxruntime would merge the equal nodes.
 */
export function recomputed(
  tape: Tape,
  inputs: readonly Value[],
  build: (tape: Tape, inputs: readonly Value[]) => readonly Value[],
): readonly Value[] {
  const outputs = build(createTape(tape.graph), inputs);
  record(tape, outputs, (dOutputs, gradients) => {
    const again = createTape(tape.graph);
    build(again, inputs).forEach((output, i) => {
      const gradient = dOutputs[i];
      if (gradient !== undefined) gradients.add(output, gradient);
    });
    backpropagate(again, gradients);
  });
  return outputs;
}
