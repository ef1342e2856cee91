import { ImageGptError } from '../ports/error.ts';

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
    super(code, oneLine(message), options);
  }
}

/** No honest message is longer. */
const maxCharacters = 1000;

/** Names in a hostile file may be of any length and hold line breaks or codes that a terminal obeys. */
function oneLine(message: string): string {
  const line = message.replaceAll(/\p{Cc}+/gu, ' ');
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line;
}
