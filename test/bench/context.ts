import { join } from 'node:path';
import type { Provider } from '../../lib/ports/model.ts';
import type { Peer } from './peer.ts';
import type { Row } from './report.ts';

/** What every suite is given. */
export interface BenchContext {
  /** Times that each side is measured. */
  rounds: number;
  /** Fewer pictures and shapes; the rows say so. */
  quick: boolean;
  /** Python peers; absent without --peers. */
  peer: Peer | undefined;
  /** Where suite `provider` runs. */
  provider: Provider;
  /** Another tree of this project, for suite `startup`. */
  base: string | undefined;
  /** Folder for checkpoints and pictures, kept between runs. */
  scratch: string;
  /** Words for standard error. */
  say(line: string): void;
}

export type Suite = (context: BenchContext) => Promise<Row[]>;

/** Threads of both sides wherever nothing else is said. */
export const THREADS = 2;

/** The model in the repository, whose palette random checkpoints share. */
export const NANO = join(import.meta.dirname, '../../lib/models/igpt-nano');
