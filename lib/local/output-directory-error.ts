import { ImageGptError } from '../image-gpt/error.ts';

/** The directory cannot be an output. */
export class OutputDirectoryError extends ImageGptError {}
