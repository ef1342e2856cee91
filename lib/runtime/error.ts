import { ImageGptError } from '../ports/error.ts';

export type RuntimeErrorCode =
  /** onnxruntime would not open the graph with these weights. */
  | 'session_failed'
  /** The execution provider is not in this build, or its libraries are missing. */
  | 'provider_unavailable'
  /** The provider has no kernels for the number format. */
  | 'precision_unavailable'
  /** An input is missing, unknown, or has the wrong type or size. */
  | 'input_invalid'
  /** onnxruntime failed while it ran the graph. */
  | 'run_failed';

/** onnxruntime, or what it was given, failed. The cause is onnxruntime's own error and may hold paths. */
export class RuntimeError extends ImageGptError {
  declare readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

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
