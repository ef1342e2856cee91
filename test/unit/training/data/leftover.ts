import { nameBeside } from '../../../../lib/files/leftovers.ts';
import { processTag } from '../../../../lib/files/process-tag.ts';

/** Path of a temporary file that a killed process with our process id would have left beside `path`. */
export function leftoverOf(path: string): string {
  return nameBeside(path, 'tmp').replace(processTag, `${processTag}0`);
}
