import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelsFolder, repositoryRoot } from '../../../lib/local/repository.ts';

test('the root has the package and the CDK app', () => {
  expect(existsSync(join(repositoryRoot, 'package.json'))).toBe(true);
  expect(existsSync(join(repositoryRoot, 'cdk.json'))).toBe(true);
});

test('igpt-nano is one of the models', () => {
  expect(existsSync(join(modelsFolder, 'igpt-nano', 'config.json'))).toBe(true);
});
