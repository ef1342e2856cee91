#!/usr/bin/env node
// The `igpt` command. Plain JavaScript without a static import, so that any Node can read it far enough to say what is missing.

const OLDEST_MAJOR = 20;

if (Number.parseInt(process.versions.node, 10) < OLDEST_MAJOR) {
  process.stderr.write(
    `igpt: needs Node ${OLDEST_MAJOR} or newer, this is ${process.versions.node} (${process.execPath}): install a newer Node, or run it through npm in the project's folder\n`,
  );
  process.exitCode = 1;
} else {
  import('./launch.js').then(({ launch }) => launch(process.argv.slice(2)));
}
