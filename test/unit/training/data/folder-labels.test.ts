import { describe, expect, it, test } from 'vitest';
import { UsageError } from '../../../../lib/ports/error.ts';
import { labelKeys } from '../../../../lib/training/data/folder-labels.ts';

/** Keys of a picture in each of the folders; `train/{cat,dog}` stands for two. */
const keysOf = (...folders: string[]) =>
  folders
    .flatMap((folder) => {
      const [, head = '', list, tail = ''] = /^(.*)\{(.*)\}(.*)$/.exec(folder) ?? [];
      return list === undefined ? [folder] : list.split(',').map((name) => `${head}${name}${tail}`);
    })
    .map((folder, i) => `${folder}${folder === '' ? '' : '/'}${i}.png`);

/** Classes and parts in short: `cat dog | train Training, test Test | samples`. */
function summary(...folders: string[]): string {
  const { classes, partFolders, leftOut } = labelKeys(keysOf(...folders), 'data');
  const parts = [...partFolders].map(([folder, part]) => `${part} ${folder}`);
  return [classes.join(' '), parts.join(', '), [...leftOut.keys()].join(' ')].join(' | ').replace(/( \| )+$/, '');
}

describe('labels by folder', () => {
  it('are the first folders, sorted', () => {
    expect(labelKeys(['dog/1.jpg', 'cat/2.jpg', 'dog/old/3.jpg'], 'data')).toMatchObject({
      rows: [0, 1, 2],
      labels: Int32Array.of(1, 0, 1),
      classes: ['cat', 'dog'],
      parts: undefined,
    });
  });

  it('are the second folders below train, validation and test, which give the parts', () => {
    expect(labelKeys(['train/dog/1.jpg', 'test/cat/2.jpg', 'val/cat/3.jpg'], 'data')).toMatchObject({
      labels: Int32Array.of(1, 0, 0),
      classes: ['cat', 'dog'],
      parts: Uint8Array.of(0, 2, 1),
    });
  });

  it('leave out what lies beside sure parts', () => {
    const keys = ['samples/1.jpg', 'test/cat/2.jpg', 'train/cat/3.jpg', 'train/dog/4.jpg', 'grid.png'];
    expect(labelKeys(keys, 'data')).toMatchObject({
      rows: [1, 2, 3],
      labels: Int32Array.of(0, 0, 1),
      parts: Uint8Array.of(2, 0, 0),
      leftOut: new Map([
        ['samples', 1],
        ['.', 1],
      ]),
    });
  });

  it('are absent when one picture is in no class folder', () => {
    expect(labelKeys(['cat/1.jpg', '2.jpg'], 'data')).toMatchObject({
      classes: [],
      unlabelled: '1 of 2 pictures are in no class folder, such as 2.jpg',
    });
    expect(labelKeys(['train/1.jpg', 'test/2.jpg'], 'data')).toMatchObject({
      classes: [],
      parts: Uint8Array.of(0, 2),
    });
  });

  it('are one class in both Unicode normal forms and with spaces at the ends, two classes in another case', () => {
    expect(labelKeys(['caf\u00e9/1.jpg', 'cafe\u0301/2.jpg', 'café /3.jpg', 'Café/4.jpg'], 'data')).toMatchObject({
      classes: ['Café', 'café'],
      labels: Int32Array.of(1, 1, 1, 0),
    });
  });

  it('take every first folder as a class when they are told to', () => {
    expect(labelKeys(keysOf('train/cat', 'test/cat', 'samples'), 'data', { foldersAreClasses: true })).toMatchObject({
      classes: ['samples', 'test', 'train'],
      parts: undefined,
    });
  });

  it('are classes also of folders in which no picture could be read', () => {
    const unreadable = ['dog/1.png', '2.png', 'cat/3.png'];
    expect(labelKeys(['cat/1.jpg', 'cat/2.jpg'], 'data', { unreadable })).toMatchObject({
      rows: [0, 1],
      labels: Int32Array.of(0, 0),
      classes: ['cat', 'dog'],
    });
  });

  it('are classes also of empty folders at the place of a class', () => {
    expect(labelKeys(['cat/1.jpg'], 'data', { emptyFolders: ['ant', 'cat/small'] })).toMatchObject({
      classes: ['ant', 'cat'],
    });
    const emptyFolders = ['runs', 'train/dog', 'other/cow'];
    expect(labelKeys(['train/cat/1.jpg'], 'data', { emptyFolders })).toMatchObject({ classes: ['cat', 'dog'] });
  });

  it('may have names of the language', () => {
    const { classes, leftOut } = labelKeys(keysOf('__proto__', 'constructor'), 'data');
    expect(classes).toEqual(['__proto__', 'constructor']);
    expect(
      labelKeys(keysOf('train/__proto__', 'test/__proto__', '__proto__x', 'constructor'), 'data').leftOut,
    ).toEqual(new Map([['__proto__x', 1], ['constructor', 1]])); // biome-ignore format: one line
    expect(leftOut.size).toBe(0);
  });
});

describe('the layout of', () => {
  test.each([
    ['Fruits-360', ['Training/{Pear,Plum}', 'Test/{Pear,Plum}'], 'Pear Plum | train Training, test Test'],
    ['upper case', ['TRAIN/{a,b}', 'TEST/{a,b}', 'VALID/{a,b}'], 'a b | train TRAIN, test TEST, validation VALID'],
    ['dev', ['train/{a,b}', 'dev/{a,b}'], 'a b | train train, validation dev'],
    ['Kaggle’s cats and dogs', ['training_set/training_set/{cats,dogs}', 'test_set/test_set/{cats,dogs}'], 'cats dogs | train training_set, test test_set'],
    ['Intel’s scenes', ['seg_train/seg_train/{sea,street}', 'seg_test/seg_test/{sea,street}'], 'sea street | train seg_train, test seg_test'],
    ['Intel’s scenes with its seg_pred', ['seg_train/{sea,street}', 'seg_test/{sea,street}', 'seg_pred'], 'sea street | train seg_train, test seg_test | seg_pred'],
    ['ImageNet', ['ILSVRC2012_img_train/n01440764', 'ILSVRC2012_img_val/n01440764'], 'n01440764 | train ILSVRC2012_img_train, validation ILSVRC2012_img_val'],
    ['COCO, with classes', ['train2017/{a,b}', 'val2017/{a,b}'], 'a b | train train2017, validation val2017'],
    ['shards', ['train1/a', 'train2/b', 'test_a/a'], 'a b | train train1, train train2, test test_a'],
    ['camel case', ['trainImages/{a,b}', 'testImages/{a,b}'], 'a b | train trainImages, test testImages'],
    ['Chinese names', ['训练集/{猫,狗}', '测试集/{猫,狗}'], '狗 猫 | train 训练集, test 测试集'],
    ['shards in the way of Hugging Face', ['train-00000-of-00002/{a,b}', 'test-00000-of-00001/{a,b}'], 'a b | train train-00000-of-00002, test test-00000-of-00001'],
    ['trainval', ['trainval/{a,b}', 'test/{a,b}'], 'a b | train trainval, test test'],
    ['STL-10', ['train/{car,cat}', 'test/{car,cat}', 'unlabeled'], 'car cat | train train, test test | unlabeled'],
    ['CIFAR-100’s train among classes', ['train/{train,bus}', 'test/{train,bus}'], 'bus train | train train, test test'],
    ['CIFAR-100 without parts', ['train', 'bus', 'tank'], 'bus tank train'],
    ['ImageNet’s bullet train', ['bullet train, bullet', 'crane', 'test tube'], 'bullet train, bullet crane test tube'],
    ['one part', ['train/{a,b}'], 'a b | train train'],
    ['one part with a class test', ['train/{test,a}'], 'a test | train train'],
    ['a test part alone', ['test/{a,b}'], 'a b | test test'],
    ['fewer classes in val', ['train/{a,b}', 'val/a'], 'a b | train train, validation val'],
    ['a folder around it', ['cifar10/train/{a,b}', 'cifar10/test/{a,b}'], 'a b | train train, test test'],
    ['two folders around it', ['x/cifar10/train/{a,b}', 'x/cifar10/test/{a,b}'], 'a b | train train, test test'],
    ['a folder around it and one beside', ['x/train/{a,b}', 'x/test/{a,b}', 'x/runs/1'], 'a b | train train, test test | x/runs'],
    ['a folder around it that is named as a part', ['training/train/{a,b}', 'training/test/{a,b}'], 'a b | train train, test test'],
    ['a folder of images in each part', ['train/images/{a,b}', 'test/images/{a,b}'], 'a b | train train, test test'],
    ['one class with folders', ['cat/{grey,black}'], 'cat'],
    ['nested classes', ['bus/{red,blue}', 'car'], 'bus car'],
    ['more classes with the same folders than a data set has parts', ['a/{in,out}', 'b/{in,out}', 'c/{in,out}', 'd/{in,out}'], 'a b c d'],
    ['classes that share a folder', ['cat/{grey,in}', 'dog/in'], 'cat dog'],
    ['parts below classes', ['cat/{train,test}', 'dog/{train,test}'], 'cat dog | train train, test test'],
    ['classes of test names', ['blood test', 'urine test'], 'blood test urine test'],
  ])('%s is understood', (_, folders, expected) => {
    expect(summary(...folders)).toBe(expected);
  }); // biome-ignore format: a table

  test.each([
    ['a folder beside one part', ['train/{a,b}', 'samples'], /train \(2 pictures\) look like parts, beside samples \(1 picture\)/],
    ['class folders beside parts', ['train/{a,b}', 'test/{a,b}', 'a'], /train .*test .* beside a /],
    ['a class beside a part of test pictures', ['cat', 'dog', 'test'], /test \(1 picture\) look like parts, beside cat/],
    ['valid and invalid', ['valid', 'invalid'], /valid .* beside invalid/],
    ['train beside samples', ['train', 'samples'], /train .* beside samples/],
    ['unlabelled parts beside a folder', ['train', 'test', 'samples'], /train .*test .* beside samples/],
    ['unlabelled parts beside pictures', ['train', 'test', ''], /beside 1 picture in no folder/],
    ['parts of different names', ['my_cool_train/{a,b}', 'other_test/{a,b}'], /my_cool_train .*other_test .* look like parts/],
    ['a part of another name', ['train/{a,b}', 'small_train/{a,b}'], /train .* beside small_train/],
    ['parts that have no class in common', ['train/{steam,diesel}', 'test/blood', 'bus'], /beside bus/],
    ['a part of another name beside folders', ['runs', 'seg_test/{a,b}'], /seg_test .* beside runs/],
    ['a part of another name alone', ['seg_test/{a,b}'], /seg_test \(2 pictures\) look like parts;/],
    ['parts of other names in a folder', ['wrap/seg_train/{a,b}', 'wrap/my_cool_val/{a,b}'], /seg_train .*my_cool_val/],
    ['a divided folder beside a picture', ['x/train/{a,b}', 'x/test/{a,b}', ''], /x \(4 pictures\) have parts of their own, beside 1 picture in no folder/],
    ['several data sets', ['mnist/train/{0,1}', 'mnist/test/{0,1}', 'cifar/train/{a,b}', 'cifar/test/{a,b}'], /mnist .*cifar .* have parts of their own/],
    ['folds', ['fold1/{a,b}', 'fold2/{a,b}', 'fold3/{a,b}', 'fold4/{a,b}'], /fold1 \(2 pictures\), fold2 .* hold the same folders;/],
    ['parts in another language', ['entrenamiento/{a,b}', 'prueba/{a,b}'], /entrenamiento .*prueba .* hold the same folders/],
    ['a class with parts beside one without', ['cat/{train,test}', 'dog'], /cat .* have parts of their own, beside dog/],
  ])('%s is refused', (_, folders, message) => {
    expect(() => summary(...folders)).toThrow(UsageError);
    expect(() => summary(...folders)).toThrow(message);
    expect(() => summary(...folders)).toThrow('--folders-are-classes');
  }); // biome-ignore format: a table
});
