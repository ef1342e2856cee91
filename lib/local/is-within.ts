import { sep } from 'node:path';

/** Whether a real path is `folder`, or lies in it. */
export function isWithin(folder: string, real: string): boolean {
  return real === folder || real.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
