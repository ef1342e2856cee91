import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { derivedFolder } from '../../../../lib/checkpoint/derived/derived-folder.ts';

test('IGPT_CACHE goes before the user’s cache folder; empty variables count as none', () => {
  expect(derivedFolder({ IGPT_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(derivedFolder({ IGPT_CACHE: '', XDG_CACHE_HOME: '/b' })).toBe('/b/image-gpt-serverless/derived');
  expect(derivedFolder({})).toBe(join(homedir(), '.cache/image-gpt-serverless/derived'));
});
