import { type Activation, geluTanhCube, geluTanhScale, quickGeluSlope } from '../../image-gpt/activation.ts';
import { addNode, type Value } from '../graph.ts';
import { add, float32, multiply } from '../operators.ts';
import { silu } from './operators.ts';
import { record, type Tape } from './tape.ts';

/** An activation with its gradient. The products before and after it apply the factors `before` and `after`. */
interface DifferentiableActivation {
  before: number;
  after: number;
  apply(tape: Tape, x: Value): Value;
}

/** The paper's activation x sigmoid(1.702 x) is silu(1.702 x) / 1.702. */
export const differentiable: Readonly<Record<Activation, DifferentiableActivation>> = {
  quick_gelu: { before: quickGeluSlope, after: 1 / quickGeluSlope, apply: silu },
  silu: { before: 1, after: 1, apply: silu },
  gelu: { before: 1, after: 1, apply: gelu },
  gelu_new: { before: 1, after: 1, apply: geluTanh },
  relu: { before: 1, after: 1, apply: relu },
};

/** max(x, 0). The derivative is 1 above 0, else 0, as in PyTorch. */
function relu(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const y = addNode(graph, 'Relu', [x]);
  record(tape, [y], ([dy = ''], gradients) => {
    gradients.add(x, multiply(graph, addNode(graph, 'Sign', [y]), dy));
  });
  return y;
}

/** x Phi(x), with Phi(x) = (1 + erf(x / sqrt(2))) / 2. The derivative is Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi). */
function gelu(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const times = (value: Value, factor: number): Value => multiply(graph, value, float32(graph, factor));
  const share = addNode(graph, 'Erf', [times(x, Math.SQRT1_2)]);
  const phi = times(add(graph, share, float32(graph, 1)), 0.5);
  const y = multiply(graph, x, phi);
  record(tape, [y], ([dy = ''], gradients) => {
    const density = addNode(graph, 'Exp', [times(multiply(graph, x, x), -0.5)]);
    const slope = add(graph, times(multiply(graph, x, density), 1 / Math.sqrt(2 * Math.PI)), phi);
    gradients.add(x, multiply(graph, slope, dy));
  });
  return y;
}

/**
 * x (1 + t) / 2 with t = tanh(c (x + a x^3)). The derivative is (1 + t) / 2 + x (1 - t^2) c (1 + 3 a x^2) / 2.
 */
function geluTanh(tape: Tape, x: Value): Value {
  const { graph } = tape;
  const times = (value: Value, factor: number): Value => multiply(graph, value, float32(graph, factor));
  const plusOne = (value: Value): Value => add(graph, value, float32(graph, 1));
  const square = multiply(graph, x, x);
  const inner = multiply(graph, times(x, geluTanhScale), plusOne(times(square, geluTanhCube)));
  const t = addNode(graph, 'Tanh', [inner]);
  const share = times(plusOne(t), 0.5);
  const y = multiply(graph, x, share);
  record(tape, [y], ([dy = ''], gradients) => {
    const rest = addNode(graph, 'Sub', [float32(graph, 1), multiply(graph, t, t)]);
    const steepness = times(plusOne(times(square, 3 * geluTanhCube)), geluTanhScale / 2);
    const slope = add(graph, multiply(graph, multiply(graph, x, rest), steepness), share);
    gradients.add(x, multiply(graph, slope, dy));
  });
  return y;
}
