import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { documents, readDocument, tableUnder } from './documents.ts';

const foldersOf = (path: string): string[] =>
  readdirSync(join(repositoryRoot, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

const rowsOf = (heading: string): string[][] => tableUnder('docs/architecture.md', heading);

describe('the documents and the tree', () => {
  test.each([...documents, 'CHANGELOG.md'])('%s: links and anchors lead somewhere', (name) => {
    const targets = Array.from(readDocument(name).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
    for (const target of targets.filter((target) => !/^https?:/.test(target))) {
      const [path = '', anchor] = target.split('#');
      const at = path === '' ? name : normalize(join(dirname(name), path));
      expect(existsSync(join(repositoryRoot, at)), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(at), target).toContain(anchor);
    }
  });

  test.each(documents)('%s: files and folders that it names exist', (name) => {
    const paths = readDocument(name).match(/(?<![\w/.-])(?:lib|functions|cdk|test|docs)\/[\w./-]*\w/g) ?? [];
    const missing = paths.filter((path) => !isExample(path) && !existsSync(join(repositoryRoot, path)));
    expect([...new Set(missing)]).toEqual([]);
  });

  test('the layout table of the README has every folder of lib, and the others with code', () => {
    const listed = tableUnder('README.md', '## Layout').map(([cell = '']) => /\[(.*?)\]/.exec(cell)?.[1]);
    const folders = [...foldersOf('lib').map((room) => `lib/${room}`), 'functions', 'cdk', 'test', 'docs'];
    expect(listed.toSorted()).toEqual(folders.toSorted());
  });

  test('the table of tests in CONTRIBUTING has every folder of test', () => {
    const listed = tableUnder('CONTRIBUTING.md', '## Tests').map(([cell = '']) => /`test\/(.*)\/`/.exec(cell)?.[1]);
    expect(listed.toSorted()).toEqual(foldersOf('test').toSorted());
  });
});

describe('docs/architecture.md', () => {
  test.each(["## A picture's way through `igpt run`", "## A picture's way through AWS"])(
    '%s: each file exports the function',
    (heading) => {
      const steps = rowsOf(heading);
      expect(steps.length).toBeGreaterThan(10);
      const wrong = steps.filter(([, name = '', file = '']) => !exportsFunction(file, name.replaceAll('`', '')));
      expect(wrong).toEqual([]);
    },
  );

  test('each contract has its file', () => {
    const files = rowsOf('## Contracts').map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(repositoryRoot, file)))).toEqual([]);
  });
});

function exportsFunction(file: string, name: string): boolean {
  const path = join(repositoryRoot, file);
  if (!existsSync(path)) return false;
  return new RegExp(`^export (async )?function\\*? ${name}\\b`, 'm').test(readFileSync(path, 'utf8'));
}

/** As GitHub makes them of headings. */
function anchorsOf(path: string): string[] {
  if (statSync(join(repositoryRoot, path)).isDirectory()) return [];
  return Array.from(readDocument(path).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** A name that stands for others. */
function isExample(path: string): boolean {
  return /\bNAME\b/.test(path);
}
