import { expect, test } from 'vitest';
import { runNote, runReport, stallText, unfinishedText } from '../../../../lib/cli/terminal/run-summary.ts';
import type { RunResult } from '../../../../lib/pipeline/run-pipeline.ts';

const result: RunResult = {
  type: 'summary',
  seen: 30,
  succeeded: 15,
  failed: 5,
  skipped: 10,
  failures: { empty_object: 1, corrupt_image: 3, archived: 1 },
  unfinished: {},
  interrupted: false,
};

test('reports totals, the rate, and failures by code, most frequent first', () => {
  // 20 pictures done in 8 seconds.
  expect(runReport(result, 8)).toBe(
    [
      'seen  succeeded  failed  skipped                  time',
      '  30         15       5       10  0:08, 2.5 pictures/s',
      '',
      'failed with    pictures',
      'corrupt_image         3',
      'archived              1',
      'empty_object          1',
      '',
    ].join('\n'),
  );
});

test('leaves out failures and the rate when there are none', () => {
  const nothing = { ...result, seen: 10, succeeded: 0, failed: 0, failures: {} };

  expect(runReport(nothing, 0.2)).toBe(
    ['seen  succeeded  failed  skipped  time', '  10          0       0       10  0:00', ''].join('\n'),
  );
});

test('reports how many pictures have no outcome and why, most frequent first', () => {
  expect(unfinishedText({ EIO: 1, ENOSPC: 3 })).toBe(
    '4 of the failed pictures have no outcome: reading the picture, or storing or publishing the outcome, failed (ENOSPC: 3, EIO: 1). Fix that and run again: only missing outcomes are made.',
  );
  expect(unfinishedText({})).toBeUndefined();
});

test('names the stages and pictures that a stall waits for', () => {
  const words = stallText({
    stalledMs: 60_000,
    waitingFor: [
      { stage: 'decoding', pictures: 1, oldest: 'a\nb.jpg', waitedMs: 61_000 },
      { stage: 'predicting', pictures: 12, oldest: 'c.jpg', waitedMs: 60_000 },
    ],
  });

  expect(words).toBe(
    String.raw`nothing has finished for 1:00; waiting for decoding (1 picture, a\u000ab.jpg for 1:01), predicting (12 pictures, c.jpg for 1:00)`,
  );
});

test('the progress bar mentions failed and skipped pictures only when there are some', () => {
  const progress = { succeeded: 1, failed: 0, skipped: 0, pending: 0, total: 5 };

  expect(runNote(progress)).toBeUndefined();
  expect(runNote({ ...progress, failed: 2, skipped: 3 })).toBe('2 failed, 3 skipped');
});
