import type { Graph, Value } from '../graph.ts';
import { add } from '../operators.ts';

/** Gradients of the loss by value, summed over all uses of the value. */
export interface Gradients {
  get(value: Value): Value | undefined;
  /** One more use of `value` gave `gradient`, of the same shape. */
  add(value: Value, gradient: Value): void;
  /** The same where the operation itself can add to a sum (Gemm's C), which saves a pass over memory. */
  accumulate(value: Value, contribute: (sum: Value | undefined) => Value): void;
}

/** Appends the gradient of one operation. `outputs` are those of its outputs; undefined: the loss does not see it. */
type Backward = (outputs: readonly (Value | undefined)[], gradients: Gradients) => void;

/**
 * Remembers the operations of a forward pass, so that they can be differentiated in reverse (reverse mode). Each
 * operation of this folder appends its forward nodes to the graph and records here how to append its gradient.
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
 * Appends the gradients of everything that was recorded, from the last operation to the first. Losses seed it: a loss
 * is recorded without outputs, so its backward always runs.
 */
export function backpropagate(tape: Tape, gradients: Gradients): void {
  for (const { outputs, backward } of tape.steps.toReversed()) {
    const found = outputs.map((output) => gradients.get(output));
    if (outputs.length === 0 || found.some((gradient) => gradient !== undefined)) backward(found, gradients);
  }
}

/** @param sums what some values' gradients start from, such as the sums of earlier parts of a batch */
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
 * Operations of which only the inputs are kept: their gradient appends them once more (activation recomputation), for a
 * third more products and a fraction of the memory. An optimiser that merges equal nodes would undo it: the session
 * must not have one.
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
