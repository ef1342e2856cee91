import { isatty } from 'node:tty';
import { Argument, InvalidArgumentError } from 'commander';
import { standardInput } from '../../local/picture-files.ts';

/** The argument for pictures, `<file...>`, or for one, `<file>` or `[file]`. */
export function pictureArgument(name: string, description: string): Argument {
  const argument = new Argument(name, `${description}; ${standardInput} reads one from standard input`);
  return argument.argParser((file: string, earlier: string | string[] | undefined) => {
    if (!argument.variadic) {
      if (file === standardInput) sayAwaited();
      return file;
    }
    const files = Array.isArray(earlier) ? earlier : [];
    if (file === standardInput) {
      if (files.includes(file)) throw new InvalidArgumentError(`expected ${standardInput} once: it can be read once`);
      sayAwaited();
    }
    return [...files, file];
  });
}

/** Standard input 0 is a terminal if nothing was redirected to it. */
function sayAwaited(): void {
  if (isatty(0)) process.stderr.write('igpt: waiting for a picture on standard input; Ctrl-D ends it, Ctrl-C stops\n');
}
