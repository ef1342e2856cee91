import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import type { DirectoryPair } from '../../local/directory-pair.ts';
import { checkOutputPath } from '../../local/output-file.ts';
import { statPath } from '../../local/stat-path.ts';
import { UsageError } from '../../ports/error.ts';
import { jobReportName } from '../../report/job-report.ts';
import { isReport } from '../../report/read-report.ts';
import { integer } from './number-option.ts';

/** Name of the report in the output directory. */
export const reportName = 'report.html';

export interface ReportOptions {
  /** A file; false: no report; undefined: {@link reportName} in the output directory. */
  report?: string | false;
}

export function addReportOptions(command: Command): Command {
  return command
    .option('--report <file.html>', `file of the report page (default: OUT/${reportName})`)
    .option('--no-report', 'write no report page');
}

/**
 * Path of the report; undefined for none. Refuses, before any work, a path among the pictures and a file that is not a
 * report.
 *
 * @throws UsageError
 */
export async function reportPath(
  { report }: ReportOptions,
  { input, output }: DirectoryPair,
): Promise<string | undefined> {
  if (report === false) return undefined;
  const path = report ?? join(output, reportName);
  const there = statPath(path, `report ${path}`);
  if (report === undefined) {
    if (there === undefined || (await isReport(path))) return path;
    throw new UsageError(
      `${path}: expected a report of igpt, but it is another file; move it, or use --report or --no-report`,
    );
  }
  const place = relative(input, resolve(path));
  if (place !== '..' && !place.startsWith(`..${sep}`) && !isAbsolute(place)) {
    throw new UsageError(`--report ${path} lies among the pictures; choose another folder`);
  }
  checkOutputPath('--report', path, ['.html', '.htm'], there !== undefined && (await isReport(path)));
  return path;
}

/** The letters IGPT on the keys of a telephone. */
const defaultPort = 4478;

export interface ServeOptions {
  /** Port of the live report; absent: no live report. */
  serve?: number;
}

export function addServeOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--serve [port]',
      `show the report live at http://127.0.0.1:${defaultPort}/ or another port (0: any free one), and store pictures that are dropped on it in <dir>/dropped; keeps running, like --watch`,
    )
      .preset(String(defaultPort))
      .argParser(integer({ min: 0, max: 65_535 })),
  );
}

export function addJobReportOption(command: Command): Command {
  return command.option('--no-report', `write no report page (${jobReportName}, next to the shards)`);
}
