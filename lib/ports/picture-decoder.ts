import { PictureError } from './error.ts';

/** A picture at the model's input resolution, not yet quantized. */
export interface DecodedPicture {
  /** File format: jpeg, png, webp, gif, tiff, avif, svg … */
  format: string;
  /** Size of the original picture after EXIF orientation (pixels). */
  width: number;
  height: number;
  /** Pixels after crop and resize, [height, width, 3] of the model's resolution in raster order. */
  rgb: Uint8Array;
}

/** Turns untrusted bytes into pixels. Throws {@link PictureError} when the picture is at fault. */
export interface PictureDecoder {
  decode(bytes: Uint8Array): Promise<DecodedPicture>;
}
