import { addNode, type Value } from '../graph.ts';
import { gatherElements, logSoftmax, matMul, multiply, negate, reshape } from '../operators.ts';
import { oneHot } from './gather-rows.ts';
import { record, type Tape } from './tape.ts';

/**
 * Sum over the rows of -log p(target), each times its weight: logits [rows, columns], targets int32 [rows], weights
 * [rows] -> a scalar, and -log p of each row [rows], nats. A loss: its own gradient is 1. By the logits it is
 * (p - one-hot) times the weight.
 */
export function crossEntropy(
  tape: Tape,
  logits: Value,
  targets: Value,
  weights: Value,
  columns: number,
): { loss: Value; each: Value } {
  const { graph } = tape;
  const logProbabilities = logSoftmax(graph, logits);
  const chosen = gatherElements(graph, logProbabilities, reshape(graph, targets, [-1, 1]), 1);
  const each = negate(graph, reshape(graph, chosen, [-1])); // [rows]
  const loss = matMul(graph, weights, each);
  record(tape, [], (_, gradients) => {
    const probabilities = addNode(graph, 'Exp', [logProbabilities]);
    const difference = addNode(graph, 'Sub', [probabilities, oneHot(tape, targets, columns)]);
    gradients.add(logits, multiply(graph, difference, reshape(graph, weights, [-1, 1])));
  });
  return { loss, each };
}
