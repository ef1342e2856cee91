import { join } from 'node:path';
import type { Provider } from '../../lib/ports/model.ts';
import type { Peer } from './peer.ts';
import type { Row } from './report.ts';

/** Settings and tools of every suite. */
export interface BenchContext {
  /** How often each side is measured. */
  rounds: number;
  /** Fewer pictures and shapes; the rows say so. */
  quick: boolean;
  /** The Python process; undefined without --peers. */
  peer: Peer | undefined;
  /** Where the suite `provider` runs. */
  provider: Provider;
  /** Another tree of this project, for the suite `startup`. */
  base: string | undefined;
  /** Folder for checkpoints and pictures that are kept between runs. */
  scratch: string;
  /** Prints a line on standard error. */
  say(line: string): void;
}

export type Suite = (context: BenchContext) => Promise<Row[]>;

/** Threads of both sides, unless a suite says otherwise. */
export const benchThreads = 2;

/** The model in the repository. Random checkpoints use its palette. */
export const nanoDirectory = join(import.meta.dirname, '../../lib/models/igpt-nano');
