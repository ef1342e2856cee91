import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { GraphError } from '../error.ts';
import { backpropagate, createGradients, type Tape } from '../gradient/tape.ts';
import { addInput, addNode, addOutput, createGraph, elementsOf, type Graph, type Node, type Value } from '../graph.ts';
import { add, float32, multiply } from '../operators.ts';
import type { ImageGptWeights, Weight } from '../weights.ts';
import { addAdam, type Optimizer } from './adam.ts';
import { type TrainingForwardOptions, trainingForward } from './training-forward.ts';

export interface TrainingStepRequest extends TrainingForwardOptions {
  /** The trained tensors. */
  trained: readonly Weight[];
  /**
   * `losses`: the forward pass only. `gradients`: gradients, added to the sums of earlier parts of the batch. `update`:
   * gradients, added to these sums if `sums` is true, then Adam.
   */
  output: { kind: 'losses' } | { kind: 'gradients' } | { kind: 'update'; optimizer: Optimizer; sums: boolean };
}

/**
 * Name of the input with a lane's sum of gradients over earlier parts of the batch. The output `next <name>` also
 * includes this part.
 */
export function sumName(weight: Weight, lane = 0): string {
  return lane === 0 ? `gradient of ${weight.name}` : `gradient ${lane} of ${weight.name}`;
}

/**
 * A training step as one graph: forward pass, losses, gradients and optimiser.
 *
 * Inputs:
 *
 * - those of {@link trainingForward}
 * - with sums: {@link sumName} of each trained tensor
 * - for an update: the pieces of {@link addAdam}, and the scalars `learning_rate`, `first_correction`
 *   1 / (1 - beta1^step) and `second_correction` 1 / sqrt(1 - beta2^step)
 *
 * Outputs: the scalars `generative` and `classification` (nats); without gradients also `token_losses` [batch, n] and
 * `class_logits` [batch, C]; for an update `gradient_norm`, a scalar.
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
  executeInOrder(graph);
  return graph;
}

/**
 * The optimiser alone, for a batch that `lanes` lanes computed in parallel. Inputs: the sums of each lane by
 * {@link sumName}, flat; otherwise inputs and outputs of an update.
 */
export function applyGraph(trained: readonly Weight[], optimizer: Optimizer, lanes: number): Graph {
  const graph = createGraph('image-gpt-training-apply');
  const gradients = trained.map((weight) => {
    const sums = Array.from({ length: lanes }, (_, lane) =>
      addInput(graph, sumName(weight, lane), 'float32', [elementsOf(weight.shape)]),
    );
    return { weight, gradient: addNode(graph, 'Sum', sums) };
  });
  addUpdate(graph, gradients, optimizer);
  prune(graph);
  executeInOrder(graph);
  return graph;
}

interface TrainedGradient {
  weight: Weight;
  gradient: Value;
}

/** Gradients in the order of their computation, starting with the last layer. */
function gradientsOf(graph: Graph, tape: Tape, trained: readonly Weight[], withSums: boolean): TrainedGradient[] {
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
      if (gradient === undefined || gradient === sumName(weight)) throw unreached(weight);
      return { weight, gradient };
    })
    .sort((a, b) => (producer.get(a.gradient) ?? 0) - (producer.get(b.gradient) ?? 0));
}

function shapeIn(graph: Graph, weight: Weight): readonly (number | string)[] {
  const input = graph.inputs.find(({ name }) => name === weight.name);
  if (input === undefined) throw unreached(weight);
  return input.shape;
}

function unreached({ name }: Weight): GraphError {
  return new GraphError(
    'output_unavailable',
    `Expected a tensor that the loss depends on, received ${name}. Leave it out of the trained tensors.`,
  );
}

/** Avoids a division by a norm of 0, as in torch.nn.utils.clip_grad_norm_. */
const normEpsilon = 1e-6;

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
    addAdam(graph, weight.name, elementsOf(weight.shape), gradient, scalars, optimizer);
  }
}

/** min(1, clip / norm). Without clipping it is 1, computed from the norm so that it depends on all gradients. */
function gradientScale(graph: Graph, norm: Value, clip = 0): Value {
  const divisor = add(graph, norm, float32(graph, normEpsilon));
  if (clip === 0) return addNode(graph, 'Div', [divisor, divisor]);
  const share = addNode(graph, 'Div', [float32(graph, clip), divisor]);
  return addNode(graph, 'Min', [share, float32(graph, 1)]);
}

/**
 * Makes onnxruntime compute nodes in the order in which they were appended. onnxruntime walks back from the outputs and
 * takes the last written node first, so the nodes are written in reverse. Gradients are then computed as early as
 * possible, which frees activations. Recomputed activations are computed as late as possible.
 */
function executeInOrder(graph: Graph): void {
  graph.nodes.reverse();
}

/** Removes every node, constant and input that no output needs. */
export function prune(graph: Graph): void {
  const producers = new Map<Value, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node);
  const needed = new Set<Value>(graph.outputs.map(({ name }) => name));
  const kept = new Set<Node>();
  // The loop also visits values that are added during it.
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
