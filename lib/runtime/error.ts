import { ImageGptError } from '../ports/error.ts';

export type RuntimeErrorCode =
  /** onnxruntime cannot open the graph with these weights. */
  | 'session_failed'
  /** The execution provider is not in this build of onnxruntime, or its libraries or device are missing. */
  | 'provider_unavailable'
  /** The provider has no kernels for the number format. */
  | 'precision_unavailable'
  /** An input is missing or unknown, or has the wrong type, size or values. */
  | 'input_invalid'
  /** onnxruntime failed while it executed the graph. */
  | 'run_failed';

/** onnxruntime failed, or its input is wrong. The cause is onnxruntime's own error and may contain paths. */
export class RuntimeError extends ImageGptError {
  declare readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** An `input_invalid` error. */
export function invalidInput(message: string): RuntimeError {
  return new RuntimeError('input_invalid', message);
}

export type ModelErrorCode =
  /** The checkpoint cannot compute a requested output. */
  | 'output_unavailable'
  | 'layer_out_of_range'
  /** The tokens are not n colours of the palette. */
  | 'tokens_invalid'
  | 'model_closed';

/** The model cannot do what was requested. */
export class ModelError extends ImageGptError {
  declare readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
