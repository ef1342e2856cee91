import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';

const terminal = { is: false };
vi.resetModules();
vi.doMock('node:tty', () => ({ isatty: () => terminal.is }));
const { pictureArgument } = await import('../../../../lib/cli/options/picture-argument.ts');
vi.doUnmock('node:tty');
vi.resetModules();

afterEach(() => {
  terminal.is = false;
  vi.restoreAllMocks();
});

/** What an action receives for a command line. */
function parsed(name: string, args: string[]): unknown {
  let received: unknown;
  new Command()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addArgument(pictureArgument(name, 'pictures'))
    .action((value: unknown) => {
      received = value;
    })
    .parse(args, { from: 'user' });
  return received;
}

test('takes files in order, with - among them once', () => {
  expect(parsed('<file...>', ['b.png', '-', 'a.png'])).toEqual(['b.png', '-', 'a.png']);
  expect(() => parsed('<file...>', ['-', 'a.png', '-'])).toThrow('expected - once: it can be read once');
  expect(parsed('<file>', ['-'])).toBe('-');
  expect(parsed('[file]', [])).toBeUndefined();
});

test('says what is awaited when standard input is a terminal', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  parsed('<file...>', ['-']);
  expect(write).not.toHaveBeenCalled();
  terminal.is = true;
  parsed('<file...>', ['a.png']);
  expect(write).not.toHaveBeenCalled();
  parsed('<file>', ['-']);
  expect(write).toHaveBeenCalledWith('igpt: waiting for a picture on standard input; Ctrl-D ends it, Ctrl-C stops\n');
});
