import { type Command, Option } from 'commander';
import { integer } from '../options/number-option.ts';

/** IGPT on the keys of a telephone. */
const DEFAULT_PORT = 4478;

export interface ServeOptions {
  /** Absent: nothing is served. */
  serve?: number;
}

export function addServeOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--serve [port]',
      `show the report live at http://127.0.0.1:${DEFAULT_PORT}/, or another port (0: any), and take pictures that are dropped on it, into <dir>/dropped; goes on as --watch does`,
    )
      .preset(String(DEFAULT_PORT))
      .argParser(integer({ min: 0, max: 65_535 })),
  );
}
