#!/usr/bin/env node
// The `igpt` command. Plain JavaScript without static imports, so that any Node can run it far enough to name what is missing.

const oldestMajor = 20;

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `igpt: needs Node ${oldestMajor} or newer, this is ${process.versions.node} (${process.execPath}): install a newer Node, or run it through npm in the project's folder\n`,
  );
  process.exitCode = 1;
} else {
  import('./launch.js').then(({ launch }) => launch(process.argv.slice(2)));
}
