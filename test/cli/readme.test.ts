import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { verbs } from '../../lib/cli/verb-list.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { blocksOf, readDocument, tableUnder } from './documents.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

describe('the README', () => {
  test('has at most 200 lines, and opens with the two commands, the second of which is what CI runs', () => {
    const commands = blocksOf('README.md').filter(({ language }) => language === 'sh');
    const install = 'ONNXRUNTIME_NODE_INSTALL=skip npm ci';
    expect(readDocument('README.md').trim().split('\n').length).toBeLessThanOrEqual(200);
    expect(commands[0]?.text).toBe(`${install} && npx igpt run test/fixtures/pictures\n`);
    expect(commands[1]?.text).toBe(`${install} && npm test\n`);
    expect(readDocument('.ci/run')).toContain('step tests npm test');
  });

  test('lists every verb', () => {
    const listed = tableUnder('README.md', '## Verbs').flatMap(([cell = '']) => /^`([a-z-]+)/.exec(cell)?.[1] ?? []);
    expect(listed.toSorted()).toEqual(verbs.map(({ name }) => name).toSorted());
  });
});

describe('a run of the sample pictures', () => {
  let output: string[];
  let outcome: Record<string, unknown>;

  beforeAll(async () => {
    using folder = temporaryFolder();
    symlinkSync(join(repositoryRoot, 'test'), join(folder.path, 'test'));
    const { stdout, stderr } = await igpt(['run', 'test/fixtures/pictures'], { cwd: folder.path });
    output = `${stdout}${stderr}`.split('\n').map(withoutPace);
    const { result_key } = JSON.parse(output.find((line) => line.includes('"space/rocket.jpg"')) ?? '');
    outcome = JSON.parse(readFileSync(join(folder.path, 'igpt-out', result_key), 'utf8'));
  });

  test('prints what the README shows, model id and numbers included', () => {
    const [shown] = blocksOf('README.md').filter(({ language }) => language === 'text');
    const lines = (shown?.text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('…'));
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines.map(withoutPace)) {
      const [start = '', end = ''] = line.split(' … ');
      const found = output.find((printed) => sameText(printed.slice(0, start.length), start) && sameEnd(printed, end));
      expect(found, line).toBeDefined();
    }
  });

  test('stores the outcome that docs/commands.md shows', () => {
    const [shown] = blocksOf('docs/commands.md').filter(({ language }) => language === 'json');
    const { etag: _, created_at: __, ...facts } = JSON.parse((shown?.text ?? '').replaceAll(', …]', ']'));
    expect(Object.keys(facts).toSorted()).toEqual(
      Object.keys(outcome)
        .filter((name) => name !== 'etag' && name !== 'created_at')
        .toSorted(),
    );
    expect(outcome).toMatchObject(closeTo(facts));
  });
});

/** How fast it went is another number each time, of another width, to which its heading is padded. */
function withoutPace(line: string): string {
  return line.replace(/ +\d+:\d\d, +[\d.]+ pictures\/s/, ' PACE').replace(/ +time$/, ' time');
}

/** Another processor may round the last digits differently. */
function sameText(printed: string, shown: string): boolean {
  const numbers = /\d+\.\d+/g;
  if (printed.replace(numbers, '#') !== shown.replace(numbers, '#')) return false;
  const expected = shown.match(numbers) ?? [];
  return (printed.match(numbers) ?? []).every((number, i) => Math.abs(Number(number) - Number(expected[i])) < 1e-5);
}

function sameEnd(printed: string, end: string): boolean {
  const text = end.replace(/^,/, '');
  // A number may have a digit more or less.
  const at = printed.lastIndexOf(text.slice(0, 12));
  return text === '' || (at >= 0 && sameText(printed.slice(at), text));
}

/** Asymmetric matchers in place of the numbers, and the beginnings of lists. */
function closeTo(shown: unknown): object {
  return JSON.parse(JSON.stringify(shown), (_, value) => {
    if (typeof value === 'number') return Number.isInteger(value) ? value : expect.closeTo(value, 5);
    if (Array.isArray(value)) return value.length === 0 ? value : startingWith(value);
    return value;
  });
}

function startingWith(beginning: readonly unknown[]): unknown {
  return expect.toSatisfy((list: unknown) => {
    expect(Array.isArray(list) && list.slice(0, beginning.length)).toEqual(beginning);
    return true;
  });
}
