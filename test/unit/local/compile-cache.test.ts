import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../cli/igpt-process.ts';

const module = JSON.stringify(join(import.meta.dirname, '../../../lib/local/compile-cache.ts'));

test('threads get the folder of this process; without a cache they get nothing', () => {
  using folder = temporaryFolder();
  const code = `
    import { enableCompileCache } from 'node:module';
    import { compileCacheEnvironment } from ${module};
    const before = compileCacheEnvironment();
    enableCompileCache(${JSON.stringify(folder.path)});
    process.stdout.write(JSON.stringify([before, compileCacheEnvironment()]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, NODE_COMPILE_CACHE: undefined },
    encoding: 'utf8',
  });

  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([{}, { NODE_COMPILE_CACHE: folder.path }]);
});
