import type { RowErrorCode } from '../contracts/job.ts';
import { attempts, type MadeRow } from './make-row.ts';
import { JobError } from './stored-json.ts';

/**
 * The failure rate is checked from this many pictures on: the first files of a directory may be a README or a licence.
 */
const minPictures = 100;

/** The job stops after this many system failures in a row (see {@link MadeRow}). */
const maxSystemFailures = 10;

interface FailureCounts {
  pictures: number;
  failed: number;
  failures: Partial<Record<RowErrorCode, number>>;
}

const none: FailureCounts = { pictures: 0, failed: 0, failures: {} };

export interface FailureLimit {
  /** @throws {JobError} `too_many_failures`, `cannot_go_on` */
  count(made: MadeRow): void;
  /** Counts of this run alone. */
  counts(): Pick<FailureCounts, 'pictures' | 'failed'>;
}

/**
 * Stops a job in which too many pictures fail. `maxRate` is the accepted share (0 to 1). `earlier` counts the pictures
 * of earlier runs, so that a restarted job does not process another 100 pictures before it stops.
 */
export function createFailureLimit(maxRate: number, earlier = none): FailureLimit {
  const failures = { ...earlier.failures };
  let pictures = 0;
  let failed = 0;
  let systemFailures = 0;
  return {
    counts: () => ({ pictures, failed }),
    count({ row: { error_code: code }, systemFailed }) {
      pictures += 1;
      if (code === null) {
        systemFailures = 0;
        return;
      }
      failed += 1;
      failures[code] = (failures[code] ?? 0) + 1;
      systemFailures = systemFailed ? systemFailures + 1 : 0;
      if (systemFailures >= maxSystemFailures) {
        throw new JobError(
          'cannot_go_on',
          `Expected the decoder and the model to work, but ${systemFailures} pictures in a row failed in all ${attempts} attempts (${code}), and the pictures are not at fault: fix what the messages above report, then run again.`,
        );
      }
      const all = { pictures: earlier.pictures + pictures, failed: earlier.failed + failed };
      if (all.pictures >= minPictures && all.failed > maxRate * all.pictures) {
        const codes = Object.entries(failures).toSorted(([, m], [, n]) => n - m);
        throw new JobError(
          'too_many_failures',
          `Expected at most ${percent(maxRate)} of the pictures to fail, but ${all.failed} of the first ${all.pictures} did (${codes.map(([name, n]) => `${name} ${n}`).join(', ')}): inspect a few of them, or raise --max-failure-rate, then run again.`,
        );
      }
    },
  };
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
