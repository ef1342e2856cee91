import { addNode, nextValue, pushNode, type Value } from '../graph.ts';
import { add, float32, matMul, multiply, reshape } from '../operators.ts';
import { record, type Tape } from './tape.ts';

/**
 * x r g with r = 1 / sqrt(mean(x^2) + epsilon), row by row: x [rows, d], gain g [d]. The derivative by x is
 * r (g dy - x r^2 mean(g dy x)), by g the sum of r x dy over the rows.
 */
export function rmsNorm(tape: Tape, x: Value, gain: Value, d: number, epsilon: number): Value {
  const { graph } = tape;
  const y = nextValue(graph, 'norm');
  const r = nextValue(graph, 'inverse_root'); // [rows, 1]
  pushNode(graph, 'SimplifiedLayerNormalization', [x, gain], [y, r], {
    axis: { kind: 'int', value: -1 },
    epsilon: { kind: 'float', value: epsilon },
  });
  record(tape, [y], ([dy = ''], gradients) => {
    const product = multiply(graph, dy, x);
    const column = reshape(graph, gain, [d, 1]);
    const dot = matMul(graph, product, column); // [rows, 1]: g dy x, summed over the row
    const share = multiply(graph, multiply(graph, multiply(graph, r, r), dot), float32(graph, 1 / d));
    const rest = addNode(graph, 'Sub', [multiply(graph, dy, gain), multiply(graph, x, share)]);
    gradients.add(x, multiply(graph, rest, r));
    gradients.accumulate(gain, (sum) => {
      const total = matMul(graph, reshape(graph, r, [-1]), product);
      return sum === undefined ? total : add(graph, sum, total);
    });
  });
  return y;
}
