import { ImageGptError } from '../ports/error.ts';

/** A data set is unavailable or does not fit the request. */
export class DataSetError extends ImageGptError {}

export type TrainingErrorCode =
  /** Loss, gradients or weights are no longer finite, or the loss leapt. */
  | 'training_diverged'
  /** A checkpoint or another file of the training cannot be written. */
  | 'run_not_writable'
  /** The directory holds a training with other settings, or something else. */
  | 'run_differs'
  /** Another process trains in the directory. */
  | 'run_busy'
  /** No checkpoint is valid, or there is no training to continue. */
  | 'run_missing';

/** Training cannot start or continue. */
export class TrainingError extends ImageGptError {
  declare readonly code: TrainingErrorCode;

  constructor(code: TrainingErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
