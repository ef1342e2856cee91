import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface CheckpointFile {
  name: string;
  /** Size, through a symbolic link: a hub cache holds links. */
  bytes: number;
}

/** The files of a checkpoint directory that processes read. Others are pickles, other formats, a README. */
export function checkpointFiles(directory: string): CheckpointFile[] {
  return readdirSync(directory)
    .filter((name) => /\.(json|safetensors)$/.test(name))
    .map((name) => ({ name, bytes: statSync(join(directory, name)).size }));
}

/** Their size together (bytes). */
export function checkpointBytes(directory: string): number {
  return checkpointFiles(directory).reduce((sum, { bytes }) => sum + bytes, 0);
}
