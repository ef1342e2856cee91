/** Pictures that go through a graph side by side, each [n, d]; a graph without one takes a picture at a time, in strips. */
export interface Batch {
  pictures: number;
  /**
   * `fused` is onnxruntime's GroupQueryAttention where it fits: causal, heads of a multiple of 8. `plain` writes scores
   * with ordinary operators: slower and larger, but right wherever those are (WebGPU's fused kernel of 1.30 gave wrong
   * numbers on SwiftShader, the one adapter tried).
   */
  attention: 'fused' | 'plain';
}
