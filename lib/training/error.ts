import { ImageGptError } from '../ports/error.ts';

/** A data set cannot be read, or does not fit what is asked of it. */
export class DataSetError extends ImageGptError {}

export type TrainingErrorCode =
  /** Loss, gradients or weights are not finite, or the loss leapt. */
  | 'training_diverged'
  /** A file of the training cannot be written. */
  | 'run_not_writable'
  /** The directory holds a training with other settings, or foreign files. */
  | 'run_differs'
  /** Another process trains in the directory. */
  | 'run_busy'
  /** No checkpoint of the training is whole, or there is no training to resume. */
  | 'run_missing';

/** Training cannot start or continue. */
export class TrainingError extends ImageGptError {
  declare readonly code: TrainingErrorCode;

  constructor(code: TrainingErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
