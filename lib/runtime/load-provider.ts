import { addInput, addNode, addOutput, createGraph } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-writer.ts';
import type { Provider } from '../ports/model.ts';
import { openSession } from './session.ts';

/**
 * Loads the libraries of a provider and finds its device, without a model. A missing library is then reported before
 * the model is fetched, and not as an error of the model.
 *
 * @throws RuntimeError `provider_unavailable`
 */
export async function loadProvider(provider: Provider): Promise<void> {
  const graph = createGraph('identity');
  const same = addNode(graph, 'Identity', [addInput(graph, 'x', 'float32', [1])]);
  addOutput(graph, 'y', same, 'float32', [1]);
  const session = await openSession(writeOnnx(graph), { provider });
  await session.close();
}
