#!/usr/bin/env node
// The `igpt` command. Plain JavaScript without static imports, so that any Node can run it far enough to name what is missing.

const oldestMajor = 20;

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `igpt: needs Node ${oldestMajor} or newer, this is ${process.versions.node} (${process.execPath}): install a newer Node, or run it through npm in the project's folder\n`,
  );
  process.exitCode = 1;
} else {
  process.once('beforeExit', failUnfinished);
  import('./launch.js')
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
