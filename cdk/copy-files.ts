import { cpSync } from 'node:fs';
import { join } from 'node:path';

// Copies files into a bundle. Arguments: the bundle's folder, then pairs of a source and its path in the bundle. The cdk
// command runs it as a shell command, and no shell command copies on every system.

const [folder = '', ...pairs] = process.argv.slice(2);
for (let i = 0; i + 1 < pairs.length; i += 2) {
  cpSync(pairs[i] ?? '', join(folder, pairs[i + 1] ?? ''), { recursive: true, dereference: true });
}
