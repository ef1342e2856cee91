import { addNode, type Value } from '../graph.ts';
import { add, float32, multiply } from '../operators.ts';
import { record, type Tape } from './tape.ts';

/** Sum of two values of one shape, as in the residual stream. */
export function sum(tape: Tape, a: Value, b: Value): Value {
  const y = add(tape.graph, a, b);
  record(tape, [y], ([dy = ''], gradients) => {
    gradients.add(a, dy);
    gradients.add(b, dy);
  });
  return y;
}

/**
 * x sigmoid(x). The paper's activation x sigmoid(1.702 x) is silu(1.702 x) / 1.702, both factors of which the products
 * around it take over. With s the sigmoid and y the result, the derivative is s + y (1 - s): x need not be kept.
 */
export function silu(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const s = addNode(graph, 'Sigmoid', [x]);
  const y = multiply(graph, x, s);
  record(tape, [y], ([dy = ''], gradients) => {
    const rest = addNode(graph, 'Sub', [float32(graph, 1), s]);
    const slope = add(graph, multiply(graph, rest, y), s);
    gradients.add(x, multiply(graph, slope, dy));
  });
  return y;
}
