import { addNode, type Value } from '../graph.ts';
import { concat, split } from '../operators.ts';
import { record, type Tape } from './tape.ts';

/** Pieces of the given sizes along one axis; a single piece is the value itself. */
export function pieces(tape: Tape, value: Value, sizes: readonly number[], axis: number): Value[] {
  const { graph } = tape;
  const parts = split(graph, value, sizes, axis);
  if (parts.length === 1) return parts;
  record(tape, parts, (gradients, all) => {
    const known = gradients.map((gradient, i) => gradient ?? zerosLike(tape, parts[i] ?? ''));
    all.add(value, concat(graph, known, axis));
  });
  return parts;
}

/** The pieces in a row along one axis; a single piece is the value itself. */
export function joined(tape: Tape, values: readonly Value[], sizes: readonly number[], axis: number): Value {
  const { graph } = tape;
  const whole = concat(graph, values, axis);
  if (values.length === 1) return whole;
  record(tape, [whole], ([gradient = ''], all) => {
    split(graph, gradient, sizes, axis).forEach((part, i) => {
      all.add(values[i] ?? '', part);
    });
  });
  return whole;
}

/** A piece that the loss does not see has gradient 0. */
function zerosLike({ graph }: Tape, value: Value): Value {
  return addNode(graph, 'Sub', [value, value]);
}
