import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { integer, number } from './number-option.ts';

/** What a stranger's picture may cost, as the user sets it. */
export interface DecodeOptions {
  allowSvg: boolean;
  /** Millions of pixels. */
  maxMegapixels: number;
  /** Millions of bytes. */
  maxMegabytes: number;
  /** Seconds. */
  decodeTimeout: number;
  /** Child processes. */
  decoders: number;
}

/** Adds the limits on decoding, all with their defaults, to `command`. */
export function addDecodeOptions(command: Command): Command {
  return command
    .addOption(new Option('--allow-svg', 'decode SVG too, which lets a small file burn much CPU').default(false))
    .addOption(
      new Option('--max-megapixels <m>', 'refuse larger pictures, in millions of pixels')
        .default(100)
        .argParser(number({ min: 0, aboveMin: true })),
    )
    .addOption(
      new Option('--max-megabytes <m>', 'refuse larger files, in millions of bytes')
        .default(50)
        .argParser(number({ min: 0, aboveMin: true })),
    )
    .addOption(
      new Option('--decode-timeout <s>', 'give up on a picture after this long, in seconds')
        .default(10)
        .argParser(number({ min: 0, aboveMin: true })),
    )
    .addOption(
      new Option('--decoders <n>', 'child processes that decode')
        .default(availableParallelism(), `one a core: ${availableParallelism()} here`)
        .argParser(integer({ min: 1, max: 256 })),
    );
}
