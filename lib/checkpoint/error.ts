import { ImageGptError } from '../ports/error.ts';

/** Why a checkpoint cannot be used. */
export type CheckpointErrorCode =
  | 'checkpoint_missing'
  | 'config_missing'
  | 'config_invalid'
  | 'config_unsupported'
  | 'preprocessor_invalid'
  /** It has no palette and resolution: it takes tokens, not pictures. */
  | 'preprocessing_missing'
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

/** A checkpoint is missing, damaged, incomplete or unsupported. */
export class CheckpointError extends ImageGptError {
  declare readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string, options?: ErrorOptions) {
    super(code, oneLine(message), options);
  }
}

/** The file ends before the bytes that it should hold. `bytes` is its size. */
export function truncatedFile(file: string, expected: string, bytes: number): CheckpointError {
  return new CheckpointError(
    'weights_truncated',
    `${file} is cut short: expected ${expected}, found a file of ${bytes} bytes. Copy or download it again.`,
  );
}

/** Bytes of the file changed after they were written. `found` says what does not match. */
export function damagedFile(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is damaged: ${found}. Copy or download it again.`);
}

/** Our own messages are shorter; only names from a hostile file exceed this. */
const maxCharacters = 1000;

/** Removes control characters: names in a hostile file may hold line breaks or terminal codes. */
function oneLine(message: string): string {
  const line = message.replaceAll(/\p{Cc}+/gu, ' ');
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line;
}
