import type { Value } from '../graph.ts';
import { backpropagate, createTape, record, type Tape } from './tape.ts';

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
