import { listWeights } from '../checkpoint/weights-by-role.ts';
import { type ForwardRequest, forwardGraph, type ImageGptModel } from '../graph/forward-graph.ts';
import type { Graph } from '../graph/graph.ts';
import { halfGraph } from '../graph/half-graph.ts';
import { RuntimeError } from './error.ts';
import type { Provider } from './session.ts';

/**
 * The forward graph for a GPU: `pictures` side by side, in 16 bits throughout when all weights are.
 *
 * @throws RuntimeError `precision_unavailable` for 8 bits, which the GPU providers would hand back to the processor
 */
export function gpuGraph(
  model: ImageGptModel,
  request: ForwardRequest,
  provider: Exclude<Provider, 'cpu'>,
  pictures: number,
): Graph {
  if (model.weights.blocks.some(({ quantized }) => quantized !== undefined)) {
    throw new RuntimeError(
      'precision_unavailable',
      `int8 and int8-block run on cpu; received ${provider}: use f16 or f32 there.`,
    );
  }
  const half = listWeights(model.weights).every(({ dtype }) => dtype === 'F16');
  // CUDA's GroupQueryAttention is for 16 bits only; in 32 onnxruntime would hand it to the processor, unasked. Source:
  // onnxruntime 1.30, contrib_ops/cuda/bert/group_query_attention.cc, REGISTER_KERNEL_TYPED.
  const graph = forwardGraph(model, request, { pictures, attention: provider === 'cuda' && half ? 'fused' : 'plain' });
  return half ? halfGraph(graph) : graph;
}
