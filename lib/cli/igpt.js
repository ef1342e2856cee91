#!/usr/bin/env node
// The `igpt` command. Plain JavaScript without static imports of ours, so that any Node can run it far enough to name what
// is missing.
import { existsSync } from 'node:fs';

// The package has no TypeScript: its modules are built.
const isBuilt = !existsSync(new URL('./main.ts', import.meta.url));

// From a checkout, an older Node can start the one in the package `node` (see launch.js).
const [oldestMajor, oldestMinor] = isBuilt ? [22, 14] : [20, 0];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  const oldest = isBuilt ? `${oldestMajor}.${oldestMinor}` : oldestMajor;
  const advice = isBuilt ? '' : ", or run it through npm in the project's folder";
  process.stderr.write(
    `igpt: needs Node ${oldest} or newer, this is ${process.versions.node} (${process.execPath}): install a newer Node${advice}\n`,
  );
  process.exitCode = 1;
} else {
  process.once('beforeExit', failUnfinished);
  import(isBuilt ? '../../dist/lib/cli/launch.js' : './launch.js')
    .then(({ launch }) => launch(process.argv.slice(2)))
    .then(() => process.off('beforeExit', failUnfinished));
}

/** Node would exit with 0 when it waits for nothing any more, also if a promise of the work was never settled. */
function failUnfinished() {
  process.stderr.write(
    'igpt: unexpected: the work stopped before its end, and nothing is left to wait for; its results are incomplete. This is a bug in igpt: report it with the command line and what was printed\n',
  );
  process.exit(1);
}
