import type { Graph, Node, Value } from '../graph.ts';

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
