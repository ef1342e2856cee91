import { expect, test } from 'vitest';
import { blocksOf, readDocument, tableUnder } from './documents.ts';

const english = 'README.md';
const chinese = 'README.zh-CN.md';

test('the Chinese README has the blocks of the English one, but for their comments', () => {
  const blocks = (name: string) =>
    blocksOf(name).map(({ language, text }) => `${language}\n${text.replaceAll(/ \/\/ .*$/gm, '')}`);
  expect(blocks(chinese)).toEqual(blocks(english));
});

test('it has the same numbers', () => {
  const numbers = (name: string) => [...new Set(readDocument(name).match(/\d+(?:,\d{3})*(?:\.\d+)*/g))].toSorted();
  expect(numbers(english)).toContain('1,353,472');
  expect(numbers(chinese)).toEqual(numbers(english));
});

test('it has the same links and pictures, in the same order, but for those to its own headings', () => {
  const links = (name: string) =>
    Array.from(readDocument(name).matchAll(/\]\(([^)#][^)]*)\)/g), ([, target]) => target).filter(
      (target) => target !== english && target !== chinese,
    );
  expect(links(chinese)).toEqual(links(english));
});

test('it lists the same verbs and the same folders', () => {
  const first = (name: string, heading: string) =>
    tableUnder(name, heading)
      .map(([cell = '']) => cell)
      .filter((cell) => !cell.startsWith('**'));
  expect(first(chinese, '## 子命令')).toEqual(first(english, '## Verbs'));
  expect(first(chinese, '## 目录结构')).toEqual(first(english, '## Layout'));
});
