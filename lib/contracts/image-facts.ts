import { z } from 'zod';

/** What is known of a picture file besides its content. */
export const imageFacts = z.strictObject({
  /** File format: jpeg, png, webp, gif, tiff, avif, svg … */
  format: z.string().min(1),
  /** Pixels, after EXIF orientation. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Size of the file. */
  bytes: z.int().positive(),
});
