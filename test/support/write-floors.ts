import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { floorOverrides, readRooms } from './floors.ts';

// `npm run floors`: writes the import rules of docs/architecture.md into biome.json.
const file = join(repositoryRoot, 'biome.json');
const settings = JSON.parse(readFileSync(file, 'utf8'));
const own = settings.overrides.filter(
  ({ linter }: { linter: { rules: { style?: object } } }) => !('noRestrictedImports' in (linter.rules.style ?? {})),
);
settings.overrides = [...floorOverrides(readRooms()), ...own];
writeFileSync(file, JSON.stringify(settings));
execFileSync(join(repositoryRoot, 'node_modules', '.bin', 'biome'), ['format', '--write', file], { stdio: 'inherit' });
