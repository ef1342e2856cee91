import { expect, test } from 'vitest';
import { userCache } from '../../../lib/local/user-cache.ts';

test('our cache is in the user’s cache folder, by the XDG specification', () => {
  expect(userCache({ XDG_CACHE_HOME: '/somewhere' })).toBe('/somewhere/image-gpt-serverless');
  for (const env of [{ XDG_CACHE_HOME: 'relative' }, { XDG_CACHE_HOME: '' }, {}]) {
    expect(userCache(env)).toMatch(/^\/.*\.cache\/image-gpt-serverless$/);
  }
});
