import type { Part } from './data-set.ts';

/** What a folder's name says about the part of a data set that it holds. */
export interface PartName {
  part: Part;
  /** Words of the name that say nothing about a part (`seg` of `seg_train`); empty for a sure name. */
  rest: string;
}

/** Words that name a part. */
const parts: ReadonlyMap<string, Part> = new Map([
  ...words('train', 'train training trn trainval traindev 训练'),
  ...words('validation', 'val valid validation validate dev devel 验证'),
  ...words('test', 'test tests testing tst eval evaluation 测试'),
]);

/** Words that say nothing: `test_set`, `images-train`, `Train data`. */
const fillers: ReadonlySet<string> = new Set(
  'set sets data dataset datasets image images img imgs picture pictures pic pics photo photos split splits part folder dir files jpg jpeg png my the final labeled labelled of'.split(
    ' ',
  ),
);

/** A filler at the end of a word: `trainset`, `测试集`. */
const ending = /(sets?|data|images?|imgs?|集)$/;

/**
 * The part that a folder's name speaks of, in any spelling (`Training`, `TRAIN`, `test_set`, `val2017`, `trainImages`);
 * undefined when it names none, or several.
 */
export function partName(folder: string): PartName | undefined {
  const all = wordsOf(folder);
  const named = all.map((word) => parts.get(word) ?? parts.get(word.replace(ending, '')));
  const kinds = new Set(named.filter((part) => part !== undefined));
  // train_val: pictures to train on, some of which are to be held out.
  if (kinds.has('train') && !kinds.has('test')) kinds.delete('validation');
  const [part, another] = kinds;
  if (part === undefined || another !== undefined) return undefined;
  return { part, rest: all.filter((word, i) => named[i] === undefined && !fillers.has(word)).join(' ') };
}

/** Whether a folder's name says nothing about its pictures: `images`, `data_set`. */
export function saysNothing(folder: string): boolean {
  const all = wordsOf(folder);
  return all.length > 0 && all.every((word) => fillers.has(word));
}

function wordsOf(folder: string): string[] {
  return (
    folder
      .normalize('NFC')
      .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .toLowerCase()
      .split(/[^\p{L}]+/u)
      // Single letters and digits number the folders: `test_a`, `train1`.
      .filter((word) => word.length > 1)
  );
}

function words(part: Part, list: string): [string, Part][] {
  return list.split(' ').map((word) => [word, part]);
}
