import { ImageGptError } from '../ports/error.ts';

export type GraphErrorCode =
  /** The checkpoint lacks the weights of a requested output. */
  'output_unavailable' | 'layer_out_of_range';

/** The requested graph cannot be built from this checkpoint. */
export class GraphError extends ImageGptError {
  declare readonly code: GraphErrorCode;

  constructor(code: GraphErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
