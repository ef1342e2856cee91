import { ImageGptError } from '../ports/error.ts';

/** A data set that cannot be had, or not used for what is asked. */
export class DataSetError extends ImageGptError {}

export type TrainingErrorCode =
  /** Loss, gradients or weights are no numbers any more, or the loss leapt. */
  | 'training_diverged'
  /** A checkpoint or the run's files cannot be written. */
  | 'run_not_writable'
  /** The directory holds a run with other settings, or something that is no run. */
  | 'run_differs'
  /** Another process trains there. */
  | 'run_busy'
  /** No checkpoint of the run is whole, or there is no run to go on with. */
  | 'run_missing';

/** Training cannot begin or go on. */
export class TrainingError extends ImageGptError {
  declare readonly code: TrainingErrorCode;

  constructor(code: TrainingErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
