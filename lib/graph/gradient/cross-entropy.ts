import { addNode, type Value } from '../graph.ts';
import {
  float32,
  gatherElements,
  logSoftmax,
  matMul,
  multiply,
  negate,
  reshape,
  scatterElements,
} from '../operators.ts';
import { record, type Tape } from './tape.ts';

/**
 * A loss: logits [rows, columns], targets int32 [rows], weights [rows] -> the weighted sum of -log p(target), a scalar,
 * and -log p(target) of each row [rows], in nats. The gradient with respect to the logits is p - 1 at the target and p
 * elsewhere, times the row's weight.
 */
export function crossEntropy(tape: Tape, logits: Value, targets: Value, weights: Value): { loss: Value; each: Value } {
  const { graph } = tape;
  const columns = reshape(graph, targets, [-1, 1]);
  const logProbabilities = logSoftmax(graph, logits);
  const chosen = gatherElements(graph, logProbabilities, columns, 1); // [rows, 1]
  const each = negate(graph, reshape(graph, chosen, [-1])); // [rows]
  const loss = matMul(graph, weights, each);
  record(tape, [], (_, gradients) => {
    const probabilities = addNode(graph, 'Exp', [logProbabilities]);
    const atTarget = addNode(graph, 'Sub', [addNode(graph, 'Exp', [chosen]), float32(graph, 1)]);
    const difference = scatterElements(graph, probabilities, columns, atTarget, 1);
    gradients.add(logits, multiply(graph, difference, reshape(graph, weights, [-1, 1])));
  });
  return { loss, each };
}
