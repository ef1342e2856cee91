import { describe, expect, it } from 'vitest';
import { pictureFormat } from '../../../lib/decode/picture-format.ts';
import { refusedFormat } from '../../../lib/decode/refused-formats.ts';

/** The first bytes of files that other programs wrote. */
const starts: [name: string, hex: string][] = [
  ['BMP', '424d364800000000000036000000'],
  ['PDF', '255044462d312e340a'],
  ['PostScript', '252150532d41646f6265'],
  ['Photoshop', '384250530001000000000000'],
  ['JPEG 2000', '0000000c6a5020200d0a870a00000014'],
  ['JPEG 2000', 'ff4fff51002f0000000000600000'],
  ['JPEG XL', '0000000c4a584c200d0a870a00000014'],
  ['JPEG XL', 'ff0af85f0c020920a4'],
  ['JPEG XR', '4949bc012000000008000000'],
  ['Radiance HDR', '233f52414449414e43450a'],
  ['OpenEXR', '762f31010200000063686e'],
  ['icon', '00000100010010100000'],
  ['Apple icon', '69636e730000123469633037'],
  ['TGA', '000002000000000000000000'],
  ['QOI', '716f69660000006000000040'],
  ['PCX', '0a05010800000000'],
  ['SGI', '01da010100030060'],
  ['DirectDraw Surface', '444453207c000000'],
  ['PNM', '50360a393620363420323535'],
  ['Canon raw', '0000001866747970637278200000000163727820'],
  ['Fujifilm raw', '46554a4946494c4d4343442d52415720'],
  ['Olympus raw', '4949524f08000000'],
  ['Panasonic raw', '4949550018000000'],
  ['MP4', '0000002066747970697 36f6d00000200'.replace(' ', '')],
  ['QuickTime', '00000014667479707174202000000000'],
  ['Matroska', '1a45dfa39f428681'],
];

describe('refusedFormat', () => {
  it.each(starts)('names %s by %s', (name, hex) => {
    const head = Buffer.from(hex, 'hex');
    expect(refusedFormat(head)).toBe(name);
    expect(pictureFormat(head)).toBeUndefined();
  });

  it('names DICOM, which begins with 128 free bytes', () => {
    expect(refusedFormat(Buffer.from(`${'\0'.repeat(128)}DICM`))).toBe('DICOM');
  });

  it('returns undefined for text, noise and an empty file', () => {
    for (const text of ['hello', 'P7', '', '\xff\xd8'])
      expect(refusedFormat(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});
