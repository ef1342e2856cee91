import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import type { DirectoryPair } from '../../local/directory-pair.ts';
import { checkOutputPath } from '../../local/output-file.ts';
import { statPath } from '../../local/stat-path.ts';
import { UsageError } from '../../ports/error.ts';
import { JOB_REPORT_NAME } from '../../report/job-report.ts';
import { isReport } from '../../report/read-report.ts';
import { integer } from './number-option.ts';

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
  { input, output }: DirectoryPair,
): Promise<string | undefined> {
  if (report === false) return undefined;
  const path = report ?? join(output, REPORT_NAME);
  const there = statPath(path, `report ${path}`);
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

export function addJobReportOption(command: Command): Command {
  return command.option('--no-report', `write no report page (${JOB_REPORT_NAME}, beside the shards)`);
}
