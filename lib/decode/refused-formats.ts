/** A format that is recognised only to be refused by name: the bytes that its files have at an offset. */
interface Signature {
  name: string;
  starts: string;
  at?: number;
}

/** The brand of a file in the ISO base media file format, behind `ftyp`. */
const brand = (name: string, starts: string): Signature => ({ name, starts: `ftyp${starts}`, at: 4 });

/** Tried in this order. The texts are bytes in Latin-1. */
const signatures: readonly Signature[] = [
  { name: 'BMP', starts: 'BM' },
  { name: 'PDF', starts: '%PDF' },
  { name: 'PostScript', starts: '%!PS' },
  { name: 'PostScript', starts: '\xc5\xd0\xd3\xc6' },
  { name: 'Photoshop', starts: '8BPS' },
  { name: 'GIMP', starts: 'gimp xcf' },
  { name: 'JPEG 2000', starts: '\0\0\0\x0cjP  \r\n\x87\n' },
  { name: 'JPEG 2000', starts: '\xff\x4f\xff\x51' },
  { name: 'JPEG XL', starts: '\0\0\0\x0cJXL \r\n\x87\n' },
  { name: 'JPEG XL', starts: '\xff\x0a' },
  { name: 'JPEG XR', starts: 'II\xbc' },
  { name: 'JPEG XS', starts: '\0\0\0\x0cJXS \r\n\x87\n' },
  { name: 'JPEG XS', starts: '\xff\x10\xff\x50' },
  { name: 'JNG', starts: '\x8bJNG\r\n\x1a\n' },
  { name: 'MNG', starts: '\x8aMNG\r\n\x1a\n' },
  { name: 'OpenEXR', starts: '\x76\x2f\x31\x01' },
  { name: 'Radiance HDR', starts: '#?RADIANCE' },
  { name: 'Radiance HDR', starts: '#?RGBE' },
  { name: 'FITS', starts: 'SIMPLE  =' },
  { name: 'DICOM', starts: 'DICM', at: 128 },
  { name: 'NIfTI', starts: 'n+1\0', at: 344 },
  { name: 'HDF5', starts: '\x89HDF\r\n\x1a\n' },
  { name: 'icon', starts: '\0\0\x01\0' },
  { name: 'TGA', starts: '\0\0\x02\0\0' },
  { name: 'TGA', starts: '\0\0\x03\0\0' },
  { name: 'TGA', starts: '\0\0\x0a\0\0' },
  { name: 'Apple icon', starts: 'icns' },
  { name: 'DirectDraw Surface', starts: 'DDS ' },
  { name: 'KTX', starts: '\xabKTX ' },
  { name: 'QOI', starts: 'qoif' },
  { name: 'FLIF', starts: 'FLIF' },
  { name: 'BPG', starts: 'BPG\xfb' },
  { name: 'DjVu', starts: 'AT&TFORM' },
  { name: 'ILBM', starts: 'ILBM', at: 8 },
  { name: 'Windows metafile', starts: '\xd7\xcd\xc6\x9a' },
  { name: 'Windows metafile', starts: ' EMF', at: 40 },
  { name: 'Sun raster', starts: '\x59\xa6\x6a\x95' },
  { name: 'SGI', starts: '\x01\xda' },
  { name: 'XPM', starts: '/* XPM */' },
  { name: 'PCX', starts: '\x0a\x05\x01' },
  // Camera raw formats that are not TIFFs.
  brand('Canon raw', 'crx '),
  { name: 'Fujifilm raw', starts: 'FUJIFILMCCD-RAW' },
  { name: 'Olympus raw', starts: 'IIRO' },
  { name: 'Olympus raw', starts: 'IIRS' },
  { name: 'Olympus raw', starts: 'MMOR' },
  { name: 'Panasonic raw', starts: 'IIU\0' },
  { name: 'Sigma raw', starts: 'FOVb' },
  { name: 'Minolta raw', starts: '\0MRM' },
  // Films.
  brand('QuickTime', 'qt  '),
  brand('MP4', 'isom'),
  brand('MP4', 'iso'),
  brand('MP4', 'mp4'),
  brand('MP4', 'M4V'),
  brand('MP4', 'avc1'),
  brand('3GP', '3g'),
  { name: 'AVI', starts: 'AVI ', at: 8 },
  { name: 'Matroska', starts: '\x1a\x45\xdf\xa3' },
];

/** Portable bitmaps: a letter, a digit and white space, or floats. */
const netpbm = /^P[1-7fF]\s/;

/** The name of a known format that cannot be decoded, from the first bytes of a file; undefined if it is unknown. */
export function refusedFormat(head: Buffer): string | undefined {
  const found = signatures.find(({ starts, at = 0 }) => head.toString('latin1', at, at + starts.length) === starts);
  return found?.name ?? (netpbm.test(head.toString('latin1', 0, 3)) ? 'PNM' : undefined);
}
