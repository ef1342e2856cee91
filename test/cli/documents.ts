import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../lib/local/repository.ts';

/** Documents for users and contributors, by path from the repository. */
export const documents: readonly string[] = [
  ...['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync(join(repositoryRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export interface Block {
  /** After the opening fence: sh, json … */
  language: string;
  text: string;
}

export function readDocument(name: string): string {
  return readFileSync(join(repositoryRoot, name), 'utf8');
}

/** Fenced blocks of a document, in order. */
export function blocksOf(name: string): Block[] {
  const fenced = readDocument(name).matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return Array.from(fenced, ([, language = '', text = '']) => ({ language, text }));
}

/** Rows of the first table under a heading (`## Name`), each a list of its cells; without the head. */
export function tableUnder(name: string, heading: string): string[][] {
  const [, section = ''] = readDocument(name).split(`\n${heading}\n`);
  const [table = ''] = section.split('\n\n').filter((part) => part.trimStart().startsWith('|'));
  const rows = table.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}
