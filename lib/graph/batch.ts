/** Pictures that go through a graph side by side, each [n, d]; a graph without one takes a picture at a time, in strips. */
export interface Batch {
  pictures: number;
  /**
   * `fused` is onnxruntime's own operator, `plain` writes the square of scores with ordinary ones: slower and larger,
   * but right wherever those are (WebGPU's fused kernel of 1.30 gave wrong numbers on SwiftShader, the one adapter tried).
   */
  attention: 'fused' | 'plain';
}
