import { type Side, secondsPerItem, speedRatio } from './interleave.ts';
import type { Row, Target } from './report.ts';

/** Converts the seconds of one item to each unit. */
const conversions = {
  ms: (seconds: number) => seconds * 1e3,
  µs: (seconds: number) => seconds * 1e6,
  'pictures/s': (seconds: number) => 1 / seconds,
  'tokens/s': (seconds: number) => 1 / seconds,
  'GFLOP/s': (seconds: number) => 1e-9 / seconds,
} as const;

export interface Comparison {
  suite: string;
  name: string;
  unit: keyof typeof conversions;
  /** Target of the ratio; left out if the other side was not measured. */
  target?: Target | undefined;
  note?: string | undefined;
}

/** Makes the row of two sides that ran in turns; `theirs` is undefined if it was not measured. */
export function comparison(what: Comparison, ours: Side, theirs: Side | undefined): Row {
  const { suite, name, unit, target, note } = what;
  const inUnit = conversions[unit];
  return {
    suite,
    name,
    unit,
    ours: inUnit(secondsPerItem(ours)),
    ...(theirs && {
      theirs: inUnit(secondsPerItem(theirs)),
      ratio: speedRatio(ours, theirs),
      ...(target && { target }),
    }),
    ...(note !== undefined && { note }),
    seconds: { ours: ours.seconds, ...(theirs && { theirs: theirs.seconds }) },
  };
}
