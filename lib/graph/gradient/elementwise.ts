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

const ALPHA = 1.702;

/**
 * x * sigmoid(1.702 x), the paper's activation. With s the sigmoid and t = 1.702 y, the derivative is s + t (1 - s) =
 * t + s (1 - t): no second sigmoid, and x need not be kept.
 */
export function quickGelu(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const alpha = float32(graph, ALPHA);
  const s = addNode(graph, 'Sigmoid', [multiply(graph, x, alpha)]);
  const y = multiply(graph, x, s);
  record(tape, [y], ([dy = ''], gradients) => {
    const t = multiply(graph, y, alpha);
    const rest = addNode(graph, 'Sub', [float32(graph, 1), t]);
    const slope = add(graph, multiply(graph, s, rest), t);
    gradients.add(x, multiply(graph, slope, dy));
  });
  return y;
}
