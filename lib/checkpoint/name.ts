import { basename } from 'node:path';

/** Long names help nobody in an object key, which has 1,024 bytes for everything. */
const maxLength = 64;

/**
 * Name of a checkpoint, safe as a segment of an object key or a path: the base of `_name_or_path` in config.json, else
 * the model's name from a hub cache's folder (models--org--name/snapshots/commit), else the directory's base name.
 */
export function checkpointName(nameOrPath: string | undefined, directory: string): string {
  const hub = /[/\\]models--(?:[^/\\]*--)?([^/\\]+?)[/\\]snapshots[/\\][^/\\]+[/\\]*$/.exec(directory)?.[1];
  for (const candidate of [nameOrPath, hub, directory]) {
    const safe = safeSegment(basename((candidate ?? '').replaceAll('\\', '/')));
    if (safe !== '') {
      return safe;
    }
  }
  return 'model';
}

function safeSegment(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, maxLength)
    .replace(/[.-]+$/, '');
}
