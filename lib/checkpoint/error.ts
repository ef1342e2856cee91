import { ImageGptError } from '../image-gpt/error.ts';

/** Why a checkpoint cannot be used. */
export type CheckpointErrorCode =
  | 'checkpoint_missing'
  | 'config_missing'
  | 'config_invalid'
  | 'config_unsupported'
  | 'preprocessor_invalid'
  | 'palette_invalid'
  | 'weights_missing'
  | 'weights_scattered'
  | 'weights_truncated'
  | 'weights_invalid'
  | 'weights_stale'
  | 'weights_unsafe'
  | 'weights_unsupported'
  | 'source_unknown'
  | 'heads_unknown'
  | 'download_failed'
  | 'output_exists'
  | 'output_not_writable'
  | 'tensor_missing'
  | 'tensor_unexpected'
  | 'tensor_shape'
  | 'tensor_dtype'
  | 'labels_mismatch'
  | 'probe_invalid';

/** A checkpoint directory is damaged, incomplete, or holds what our graph would compute wrongly. */
export class CheckpointError extends ImageGptError {
  declare readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
