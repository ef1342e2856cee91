import { PictureError } from './error.ts';

/** A picture at the model's input resolution, before the palette. */
export interface DecodedPicture {
  /** Name of the file format as sharp gives it: jpeg, png, webp, gif, tiff, avif, svg … */
  format: string;
  /** Size of the whole picture after EXIF orientation, pixels. */
  width: number;
  height: number;
  /** Resized and cropped by the recipe, [height, width, 3] in raster order. */
  rgb: Uint8Array;
}

/** Turns untrusted bytes into pixels. Throws {@link PictureError} for what is wrong with the picture. */
export interface PictureDecoder {
  decode(bytes: Uint8Array): Promise<DecodedPicture>;
}
