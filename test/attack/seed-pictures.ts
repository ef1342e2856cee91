import sharp from 'sharp';
import { createRandom } from '../../lib/image-gpt/random.ts';

/** Pixels of every seed picture. Not square, so that an orientation shows. */
const [width, height] = [36, 25];

/** Says that the picture is to be turned by 90 degrees. */
const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>`;

const noise = createRandom(5, 5);

/** A colour gradient with noise, of 3 or 4 channels. */
function pixels(channels: 3 | 4) {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    return ((pixel % width) * 6 + channel * 60 + noise() * 40) % 256;
  });
  return sharp(data, { raw: { width, height, channels } });
}

const rgb = () => pixels(3);
const rgba = () => pixels(4);
const grey = () => rgb().toColourspace('b-w');
const deep = () => rgb().toColourspace('rgb16');
const deepGrey = () => rgb().toColourspace('grey16');
const cmyk = () => rgb().toColourspace('cmyk');
const turned = () => rgb().withMetadata({ orientation: 6 });

/** Three frames. */
async function animation() {
  const frames = await Promise.all([0, 90, 180].map((hue) => rgb().modulate({ hue }).png().toBuffer()));
  return sharp(frames, { join: { animated: true } });
}

/** Small valid pictures of every format that is read, by name. */
export async function seedPictures(): Promise<ReadonlyMap<string, Buffer>> {
  const made = {
    'rgb.jpg': rgb().jpeg(),
    'grey.jpg': grey().jpeg(),
    'cmyk.jpg': cmyk().jpeg(),
    'progressive.jpg': rgb().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
    'icc.jpg': rgb().withIccProfile('p3').jpeg(),
    'exif.jpg': turned().jpeg(),
    'xmp.jpg': rgb().withXmp(xmp).jpeg(),
    'rgb.png': rgb().png(),
    'grey.png': grey().png(),
    'deep.png': deep().png(),
    'deep-grey.png': deepGrey().png(),
    'alpha.png': rgba().png(),
    'palette.png': rgba().png({ palette: true, colours: 16 }),
    'interlaced.png': rgb().png({ progressive: true }),
    'icc.png': deep().withIccProfile('p3').png(),
    'exif.png': turned().png(),
    'xmp.png': rgb().withXmp(xmp).png(),
    'rgb.webp': rgb().webp(),
    'lossless.webp': rgba().webp({ lossless: true }),
    'alpha.webp': rgba().webp(),
    'icc.webp': turned().withIccProfile('p3').webp(),
    'xmp.webp': rgb().withXmp(xmp).webp(),
    'animated.webp': (await animation()).webp(),
    'rgb.gif': rgb().gif(),
    'alpha.gif': rgba().gif(),
    'animated.gif': (await animation()).gif(),
    'rgb.avif': rgb().avif({ effort: 0 }),
    'alpha.avif': rgba().avif({ effort: 0 }),
    'exif.avif': turned().avif({ effort: 0 }),
    'rgb.tiff': rgb().tiff({ compression: 'none' }),
    'lzw.tiff': rgb().tiff({ compression: 'lzw', predictor: 'horizontal' }),
    'deflate.tiff': rgba().tiff({ compression: 'deflate' }),
    'packbits.tiff': grey().tiff({ compression: 'packbits' }),
    'jpeg.tiff': rgb().tiff({ compression: 'jpeg' }),
    'fax.tiff': grey().tiff({ compression: 'ccittfax4', bitdepth: 1 }),
    'bits.tiff': grey().tiff({ compression: 'none', bitdepth: 1, miniswhite: true }),
    'cmyk.tiff': cmyk().tiff({ compression: 'none' }),
    'deep.tiff': deep().withIccProfile('p3').tiff({ compression: 'none' }),
    'deep-grey.tiff': deepGrey().tiff({ compression: 'lzw' }),
    'tiled.tiff': rgb().tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: 'lzw' }),
    'big.tiff': turned().tiff({ bigtiff: true, compression: 'none' }),
  };
  return new Map(
    await Promise.all(Object.entries(made).map(async ([name, image]) => [name, await image.toBuffer()] as const)),
  );
}
