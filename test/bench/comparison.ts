import { type Side, secondsPerItem, speedRatio } from './interleave.ts';
import type { Row, Target } from './report.ts';

/** How the time for one item is shown. */
const IN_UNIT = {
  ms: (seconds: number) => seconds * 1e3,
  µs: (seconds: number) => seconds * 1e6,
  'pictures/s': (seconds: number) => 1 / seconds,
  'tokens/s': (seconds: number) => 1 / seconds,
  'GFLOP/s': (seconds: number) => 1e-9 / seconds,
} as const;

export interface Comparison {
  suite: string;
  name: string;
  unit: keyof typeof IN_UNIT;
  /** Of the ratio; without the other side it is left out. */
  target?: Target | undefined;
  note?: string | undefined;
}

/** The row of two sides that took turns; `theirs` is undefined where it was not measured. */
export function comparison(what: Comparison, ours: Side, theirs: Side | undefined): Row {
  const { suite, name, unit, target, note } = what;
  const inUnit = IN_UNIT[unit];
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
