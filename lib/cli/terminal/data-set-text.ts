import { classCounts, type DataSet, type Part, partNames, picturesText } from '../../training/data/data-set.ts';
import { printable } from './text.ts';

/** Classes that are listed with their pictures: all of CIFAR-100's. */
const shownClasses = 100;

/** Lines about a data set: its size, classes and parts, and what is not in it. */
export function describeDataSet(data: string, dataSet: DataSet): string {
  const { size, classes, skipped, parts, leftOut = new Map() } = dataSet;
  const unreadable = Object.entries(skipped).map(([code, count]) => `${code} ${count}`);
  const lines = [
    [
      `${data}: ${size} pictures ${classes.length > 0 ? `of ${classes.length} classes` : 'without labels'}`,
      ...(unreadable.length > 0 ? [`left out, as they could not be read: ${unreadable.join(', ')}`] : []),
    ].join('; '),
    ...(classes.length > 0 ? [`classes: ${classList(dataSet)}`] : []),
    ...differInCase(classes),
    ...(parts === undefined ? [] : [`parts: ${partList(dataSet)}`]),
    ...[...leftOut].map(([folder, count]) =>
      folder === '.'
        ? `left out: ${picturesText(count)} in no folder, beside the parts`
        : `left out: ${printable(folder)} (${picturesText(count)}), which is beside the parts`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function classList(dataSet: DataSet): string {
  const { classes } = dataSet;
  const counts = classCounts(dataSet);
  const shown = classes.slice(0, shownClasses).map((name, i) => `${printable(name)} (${counts[i]})`);
  const more = classes.length - shown.length;
  const least = counts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  return `${shown.join(', ')}${more > 0 ? `, … (${more} more; ${least} to ${most} pictures each)` : ''}`;
}

/** File systems of macOS and Windows would hold such classes in one folder. */
function differInCase(classes: readonly string[]): string[] {
  const groups = Map.groupBy(classes, (name) => name.toLowerCase());
  const [alike] = [...groups.values()].filter(({ length }) => length > 1);
  return alike === undefined
    ? []
    : [`${alike.map(printable).join(' and ')} differ in case only, and are classes apart`];
}

function partList(dataSet: DataSet): string {
  const { partFolders = new Map<string, Part>() } = dataSet;
  return Object.entries(partCounts(dataSet))
    .filter(([, count]) => count > 0)
    .map(([part, count]) => {
      const folders = [...partFolders].filter(([folder, of]) => of === part && folder !== part);
      return `${part} ${count}${folders.length > 0 ? ` (${folders.map(([folder]) => printable(folder)).join(', ')})` : ''}`;
    })
    .join(', ');
}

function partCounts({ parts = new Uint8Array(0) }: DataSet): Record<Part, number> {
  const counts = { train: 0, validation: 0, test: 0 };
  for (const part of parts) counts[partNames[part] ?? 'train'] += 1;
  return counts;
}

/** The same for `--json`. */
export function dataSetJson(dataSet: DataSet): object {
  const { name, size, classes, parts, leftOut, skipped } = dataSet;
  const counts = classCounts(dataSet);
  return {
    name,
    pictures: size,
    classes: classes.map((label, i) => ({ label, pictures: counts[i] })),
    parts: parts === undefined ? null : partCounts(dataSet),
    left_out: Object.fromEntries(leftOut ?? []),
    unreadable: skipped,
  };
}
