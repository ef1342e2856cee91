import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { GraphError } from '../error.ts';
import { backpropagate, createGradients } from '../gradient/tape.ts';
import { addInput, addNode, addOutput, createGraph, type Graph, type Node, type Value } from '../graph.ts';
import { add, float32, multiply } from '../operators.ts';
import type { ImageGptWeights, Weight } from '../weights.ts';
import { addAdam, type Optimizer } from './adam.ts';
import { type TrainingForwardOptions, trainingForward } from './training-forward.ts';

export interface TrainingStepRequest extends TrainingForwardOptions {
  /** The tensors that are trained. */
  trained: readonly Weight[];
  /**
   * `losses`: forward only. `gradients`: added to sums. `update`: gradients, added to the sums of earlier parts of the
   * batch where there are such, then Adam.
   */
  output: { kind: 'losses' } | { kind: 'gradients' } | { kind: 'update'; optimizer: Optimizer; sums: boolean };
}

/** Input: a lane's sum of the gradients of earlier parts of the batch; output, behind `next `: with this part's. */
export function sumName(weight: Weight, lane = 0): string {
  return lane === 0 ? `gradient of ${weight.name}` : `gradient ${lane} of ${weight.name}`;
}

/**
 * A training step as one graph: forward pass, losses, gradients and the optimiser. Inputs as in {@link trainingForward};
 * with sums also {@link sumName}; for an update `learning_rate`, `first_correction` 1 / (1 - beta1^step) and
 * `second_correction` 1 / sqrt(1 - beta2^step), scalars, and the pieces of `addAdam`. Outputs: `generative`,
 * `classification` (scalars, nats), `gradient_norm`, `token_losses` [batch, n] and `class_logits` [batch, C].
 *
 * @throws GraphError `output_unavailable`
 */
export function trainingStepGraph(
  config: ImageGptConfig,
  weights: ImageGptWeights,
  request: TrainingStepRequest,
): Graph {
  const { trained, output, batch } = request;
  const graph = createGraph('image-gpt-training-step');
  const forward = trainingForward(graph, config, weights, request);
  for (const [name, value] of Object.entries(forward.losses)) addOutput(graph, name, value, 'float32', []);
  if (output.kind === 'losses') {
    const { tokenLosses, classLogits } = forward;
    if (tokenLosses) addOutput(graph, 'token_losses', tokenLosses, 'float32', [batch, config.n_positions]);
    if (classLogits) addOutput(graph, 'class_logits', classLogits, 'float32', [batch, weights.score?.shape[0] ?? 0]);
  } else {
    const withSums = output.kind === 'gradients' || output.sums;
    const gradients = gradientsOf(graph, forward.tape, trained, withSums);
    if (output.kind === 'gradients') {
      for (const { weight, gradient } of gradients) {
        addOutput(graph, `next ${sumName(weight)}`, gradient, 'float32', shapeIn(graph, weight));
      }
    } else addUpdate(graph, gradients, output.optimizer);
  }
  prune(graph);
  runInOrder(graph);
  return graph;
}

/**
 * The optimiser alone, on the sums of `lanes` lanes that took parts of the batch at the same time: {@link sumName} of each,
 * flat. Other inputs and outputs as for an update.
 */
export function applyGraph(trained: readonly Weight[], optimizer: Optimizer, lanes: number): Graph {
  const graph = createGraph('image-gpt-training-apply');
  const gradients = trained.map((weight) => {
    const sums = Array.from({ length: lanes }, (_, lane) =>
      addInput(graph, sumName(weight, lane), 'float32', [elementsOf(weight)]),
    );
    return { weight, gradient: addNode(graph, 'Sum', sums) };
  });
  addUpdate(graph, gradients, optimizer);
  prune(graph);
  runInOrder(graph);
  return graph;
}

function elementsOf({ shape }: Weight): number {
  return shape.reduce((product, size) => product * size, 1);
}

interface TrainedGradient {
  weight: Weight;
  gradient: Value;
}

/** Gradients in the order in which they are complete: the last layer's first. */
function gradientsOf(
  graph: Graph,
  tape: Parameters<typeof backpropagate>[0],
  trained: readonly Weight[],
  withSums: boolean,
): TrainedGradient[] {
  const sums = withSums
    ? trained.map(
        (weight) => [weight.name, addInput(graph, sumName(weight), 'float32', shapeIn(graph, weight))] as const,
      )
    : [];
  const gradients = createGradients(graph, new Map(sums));
  backpropagate(tape, gradients);
  const producer = new Map(graph.nodes.flatMap(({ outputs }, i) => outputs.map((value) => [value, i] as const)));
  return trained
    .map((weight) => {
      const gradient = gradients.get(weight.name);
      if (gradient === undefined || gradient === sumName(weight)) {
        throw new GraphError('output_unavailable', `The loss does not reach ${weight.name}, so it cannot be trained.`);
      }
      return { weight, gradient };
    })
    .sort((a, b) => (producer.get(a.gradient) ?? 0) - (producer.get(b.gradient) ?? 0));
}

function shapeIn(graph: Graph, weight: Weight): readonly (number | string)[] {
  const input = graph.inputs.find(({ name }) => name === weight.name);
  if (input === undefined) {
    throw new GraphError('output_unavailable', `The loss does not reach ${weight.name}, so it cannot be trained.`);
  }
  return input.shape;
}

/** Keeps the norm's square from being 0 where it is divided by, as torch.nn.utils.clip_grad_norm_ does. */
const NORM_EPSILON = 1e-6;

function addUpdate(graph: Graph, gradients: readonly TrainedGradient[], optimizer: Optimizer): void {
  const squares = gradients.map(({ gradient }) =>
    addNode(graph, 'ReduceSumSquare', [gradient], { keepdims: { kind: 'int', value: 0 } }),
  );
  const norm = addNode(graph, 'Sqrt', [addNode(graph, 'Sum', squares)]);
  addOutput(graph, 'gradient_norm', norm, 'float32', []);
  const learningRate = addInput(graph, 'learning_rate', 'float32', []);
  const decay = multiply(graph, learningRate, float32(graph, optimizer.weightDecay));
  const scalars = {
    scale: gradientScale(graph, norm, optimizer.clip),
    keep: addNode(graph, 'Sub', [float32(graph, 1), decay]),
    rate: multiply(graph, learningRate, addInput(graph, 'first_correction', 'float32', [])),
    correction: addInput(graph, 'second_correction', 'float32', []),
  };
  for (const { weight, gradient } of gradients) {
    addAdam(graph, weight.name, elementsOf(weight), gradient, scalars, optimizer);
  }
}

/** min(1, clip / norm); without clipping 1 all the same, but only once every gradient is known. */
function gradientScale(graph: Graph, norm: Value, clip: number | undefined): Value {
  const divisor = add(graph, norm, float32(graph, NORM_EPSILON));
  if (clip === undefined) return addNode(graph, 'Div', [divisor, divisor]);
  const share = addNode(graph, 'Div', [float32(graph, clip), divisor]);
  return addNode(graph, 'Min', [share, float32(graph, 1)]);
}

/**
 * onnxruntime walks from the outputs back and, of a node's inputs, takes the one that stands last in the file first. With
 * the nodes written backwards it computes in the order in which they were appended: each gradient as soon as it can be
 * had, so that activations are freed, and recomputed ones come late (without: up to all of them are kept).
 */
function runInOrder(graph: Graph): void {
  graph.nodes.reverse();
}

/** Takes out every node, initialiser and input that no output needs. */
export function prune(graph: Graph): void {
  const producers = new Map<Value, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node);
  const needed = new Set<Value>(graph.outputs.map(({ name }) => name));
  const kept = new Set<Node>();
  // A set visits what is added to it while it is visited.
  for (const value of needed) {
    const node = producers.get(value);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    for (const input of node.inputs) needed.add(input);
  }
  graph.nodes = graph.nodes.filter((node) => kept.has(node));
  graph.inputs = graph.inputs.filter(({ name }) => needed.has(name));
  for (const name of graph.initializers.keys()) if (!needed.has(name)) graph.initializers.delete(name);
}
