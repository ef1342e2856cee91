import { nameBeside } from '../../../../lib/local/leftovers.ts';
import { processTag } from '../../../../lib/local/process-tag.ts';

/** What an earlier process that had this one's id would have left beside `path` when it was killed. */
export function leftoverOf(path: string): string {
  return nameBeside(path, 'tmp').replace(processTag, `${processTag}0`);
}
