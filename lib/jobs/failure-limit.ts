import type { RowErrorCode } from '../contracts/job.ts';
import type { MadeRow } from './make-row.ts';
import { JobError } from './stored-json.ts';

/** Fewer pictures say nothing about a rate: the first few of a directory may well be its README and its licence. */
const minPictures = 100;

/** Pictures in a row that the world made fail, with none between that succeeded, which mean it is not the pictures. */
const maxWorldFailures = 10;

interface FailureCounts {
  pictures: number;
  failed: number;
  failures: Partial<Record<RowErrorCode, number>>;
}

const none: FailureCounts = { pictures: 0, failed: 0, failures: {} };

export interface FailureLimit {
  /** @throws {JobError} `too_many_failures`, `cannot_go_on` */
  count(made: MadeRow): void;
  /** What was counted here. */
  counts(): Pick<FailureCounts, 'pictures' | 'failed'>;
}

/**
 * Ends a job that goes wrong as a whole: `maxRate` is the share of failed pictures, 0 to 1, that is put up with, those
 * of earlier runs among them. Otherwise each run would get as far as its first hundred pictures, and the job to its end.
 */
export function createFailureLimit(maxRate: number, earlier = none): FailureLimit {
  const failures = { ...earlier.failures };
  let pictures = 0;
  let failed = 0;
  let worldFailures = 0;
  return {
    counts: () => ({ pictures, failed }),
    count({ row: { error_code: code }, worldFailed }) {
      pictures += 1;
      if (code === null) {
        worldFailures = 0;
        return;
      }
      failed += 1;
      failures[code] = (failures[code] ?? 0) + 1;
      worldFailures = worldFailed ? worldFailures + 1 : 0;
      if (worldFailures >= maxWorldFailures) {
        throw new JobError(
          'cannot_go_on',
          `Expected to decode and predict pictures, but ${worldFailures} in a row failed five times each without being at fault (${code}): see the messages above; mend that and run again.`,
        );
      }
      const all = { pictures: earlier.pictures + pictures, failed: earlier.failed + failed };
      if (all.pictures >= minPictures && all.failed > maxRate * all.pictures) {
        const codes = Object.entries(failures).toSorted(([, m], [, n]) => n - m);
        throw new JobError(
          'too_many_failures',
          `Expected at most ${percent(maxRate)} of the pictures to fail, but ${all.failed} of the first ${all.pictures} did (${codes.map(([name, n]) => `${name} ${n}`).join(', ')}): look at a few, or raise --max-failure-rate and run again.`,
        );
      }
    },
  };
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
