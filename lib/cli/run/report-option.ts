import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { isReport } from '../../report/read-report.ts';
import { lookAt } from '../options/look-at.ts';
import { checkOutputPath } from '../terminal/output-file.ts';
import { UsageError } from '../usage-error.ts';
import type { RunDirectories } from './run-directories.ts';

/** Name of the report among the outcomes. */
export const REPORT_NAME = 'report.html';

export interface ReportOptions {
  /** A file; false: none; undefined: {@link REPORT_NAME} among the outcomes. */
  report?: string | false;
}

export function addReportOptions(command: Command): Command {
  return command
    .option('--report <file.html>', `where the report page goes (default: OUT/${REPORT_NAME})`)
    .option('--no-report', 'write no report page');
}

/**
 * Path of the report, or undefined for none. Refuses, before any work, one that would lie among the pictures or replace
 * a file that is no report.
 *
 * @throws UsageError
 */
export async function reportPath(
  { report }: ReportOptions,
  { input, output }: RunDirectories,
): Promise<string | undefined> {
  if (report === false) return undefined;
  const path = report ?? join(output, REPORT_NAME);
  const there = lookAt(path, `report ${path}`);
  if (report === undefined) {
    if (there === undefined || (await isReport(path))) return path;
    throw new UsageError(
      `${path} is no report of igpt, and is left as it is; move it, or choose --report or --no-report`,
    );
  }
  const place = relative(input, resolve(path));
  if (place !== '..' && !place.startsWith(`..${sep}`) && !isAbsolute(place)) {
    throw new UsageError(`--report ${path} lies among the pictures; choose a place elsewhere`);
  }
  checkOutputPath('--report', path, ['.html', '.htm'], there !== undefined && (await isReport(path)));
  return path;
}
