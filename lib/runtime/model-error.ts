import { ImageGptError } from '../image-gpt/error.ts';

export type ModelErrorCode =
  /** The checkpoint cannot compute an output that was asked for. */
  | 'output_unavailable'
  | 'layer_out_of_range'
  /** The checkpoint has no palette and resolution: it takes tokens, not pictures. */
  | 'preprocessing_missing'
  /** Tokens that are not n colours of the palette. */
  | 'tokens_invalid'
  | 'model_closed';

/** A model was asked for what it cannot do. */
export class ModelError extends ImageGptError {
  declare readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
