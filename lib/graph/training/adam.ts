import { addInput, addNode, type Graph, pushNode, type Value } from '../graph.ts';
import { add, float32, multiply, reshape, split } from '../operators.ts';

/** Constants of Adam. */
export interface Optimizer {
  /** `adam` adds the decay to the gradient; `adamw` first subtracts it from the weight. */
  kind: 'adam' | 'adamw';
  /** Applies to every trained tensor. */
  weightDecay: number;
  betas: readonly [number, number];
  epsilon: number;
  /** Largest norm of all gradients together; larger ones are scaled down to it (default and 0: no limit). */
  clip?: number | undefined;
}

/** Consecutive elements of a tensor that are updated together. */
export interface Piece {
  /** Inputs of the graph. The outputs have the same names with the prefix `next `. */
  weight: Value;
  first: Value;
  second: Value;
  start: number;
  length: number;
}

/** Elements of a piece: 512 KB per array, so a dozen passes over it stay in the cache. */
const pieceLength = 2 ** 17;

/** The pieces of a tensor with this name and number of elements. */
export function piecesOf(name: string, elements: number): Piece[] {
  return Array.from({ length: Math.ceil(elements / pieceLength) }, (_, i) => ({
    weight: `weight ${i} of ${name}`,
    first: `first moment ${i} of ${name}`,
    second: `second moment ${i} of ${name}`,
    start: i * pieceLength,
    length: Math.min(pieceLength, elements - i * pieceLength),
  }));
}

/** Scalars that are the same for all tensors of a step. */
export interface StepScalars {
  /** Factor of every gradient. It must be computed from all gradients: see {@link addAdam}. */
  scale: Value;
  /** 1 - learning rate x weight decay; `adamw` only. */
  keep: Value;
  /** Learning rate / (1 - beta1^step). */
  rate: Value;
  /** 1 / sqrt(1 - beta2^step). */
  correction: Value;
}

/**
 * Updates a tensor by Adam (Kingma and Ba; PyTorch's form): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate m
 * / (sqrt(v) correction + epsilon). Each piece of the weight and of the moments is a flat input, and an output with the
 * prefix `next `. An input and its output may share memory: `scale` depends on all gradients, so nothing reads the old
 * weights once the first piece is written.
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
