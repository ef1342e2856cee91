import { ImageGptError } from '../ports/error.ts';

export type GraphErrorCode =
  /** The checkpoint has no weights for an output that was asked for. */
  'output_unavailable' | 'layer_out_of_range';

/** A graph was asked for that the checkpoint cannot give. */
export class GraphError extends ImageGptError {
  declare readonly code: GraphErrorCode;

  constructor(code: GraphErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
