import { addInput, addNode, type Graph, pushNode, type Value } from '../graph.ts';
import { add, float32, multiply, reshape, split } from '../operators.ts';

/** Adam's constants; the defaults are the paper's (section 3.3), epsilon TensorFlow's and PyTorch's. */
export interface Optimizer {
  /** `adam` adds the decay to the gradient, `adamw` takes it from the weight itself first. Default `adam`. */
  kind: 'adam' | 'adamw';
  /** Of every trained tensor. Default 0. */
  weightDecay: number;
  betas: readonly [number, number];
  epsilon: number;
  /** Largest norm of all gradients together; they are scaled down to it. Default: none. */
  clip?: number;
}

/** A run of elements of a tensor that is updated at once. */
export interface Piece {
  /** Inputs of the graph; the outputs have the same names behind `next `. */
  weight: Value;
  first: Value;
  second: Value;
  start: number;
  length: number;
}

/** Elements of a piece: the dozen passes over it stay in the cache (512 KB an array). */
const PIECE = 2 ** 17;

/** The pieces of a tensor of so many elements. */
export function piecesOf(name: string, elements: number): Piece[] {
  return Array.from({ length: Math.ceil(elements / PIECE) }, (_, i) => ({
    weight: `weight ${i} of ${name}`,
    first: `first moment ${i} of ${name}`,
    second: `second moment ${i} of ${name}`,
    start: i * PIECE,
    length: Math.min(PIECE, elements - i * PIECE),
  }));
}

/** What is the same for all tensors of a step: scalars. */
export interface StepScalars {
  /** Factor of every gradient. It must depend on all gradients: see {@link addAdam}. */
  scale: Value;
  /** 1 - learning rate x weight decay; `adamw` only. */
  keep: Value;
  /** Learning rate / (1 - beta1^step). */
  rate: Value;
  /** 1 / sqrt(1 - beta2^step). */
  correction: Value;
}

/**
 * Updates a tensor by Adam (Kingma and Ba; PyTorch's form): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
 * w -= rate m / (sqrt(v) correction + epsilon). Weight and moments are flat inputs, piece by piece, and outputs behind
 * `next `. Both may lie in the same memory: `scale` depends on all gradients, so the weights are not read any more.
 */
export function addAdam(
  graph: Graph,
  name: string,
  elements: number,
  gradient: Value,
  { scale, keep, rate, correction }: StepScalars,
  { kind, weightDecay, betas, epsilon }: Optimizer,
): void {
  const pieces = piecesOf(name, elements);
  const lengths = pieces.map(({ length }) => length);
  const [beta1, beta2] = betas;
  const parts = split(graph, reshape(graph, gradient, [-1]), lengths, 0);
  const toFirst = multiply(graph, scale, float32(graph, 1 - beta1));
  const toSecond = multiply(graph, scale, float32(graph, Math.sqrt(1 - beta2)));
  pieces.forEach(({ length, ...names }, i) => {
    const input = (name: Value): Value => addInput(graph, name, 'float32', [length]);
    const [w, m, v] = [input(names.weight), input(names.first), input(names.second)];
    const output = (of: Value, operator: string, inputs: readonly Value[]): Value => {
      const value = `next ${of}`;
      pushNode(graph, operator, inputs, [value]);
      graph.outputs.push({ name: value, type: 'float32', shape: [length] });
      return value;
    };
    let g = parts[i] ?? '';
    let factors = { first: toFirst, second: toSecond };
    if (kind === 'adam' && weightDecay !== 0) {
      g = add(graph, multiply(graph, g, scale), multiply(graph, w, float32(graph, weightDecay)));
      factors = { first: float32(graph, 1 - beta1), second: float32(graph, Math.sqrt(1 - beta2)) };
    }
    const root = multiply(graph, g, factors.second);
    const first = output(m, 'Add', [multiply(graph, m, float32(graph, beta1)), multiply(graph, g, factors.first)]);
    const second = output(v, 'Add', [multiply(graph, v, float32(graph, beta2)), multiply(graph, root, root)]);
    const deviation = multiply(graph, addNode(graph, 'Sqrt', [second]), correction);
    const step = addNode(graph, 'Div', [first, add(graph, deviation, float32(graph, epsilon))]);
    const kept = kind === 'adamw' && weightDecay !== 0 ? multiply(graph, w, keep) : w;
    output(w, 'Sub', [kept, multiply(graph, step, rate)]);
  });
}
