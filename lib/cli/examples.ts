import { invocation } from './invocation.ts';

/** Help text with commands that run as they stand; each line goes without `igpt`. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${invocation()} ${line}\n`).join('')}`;
}
