import { ImageGptError } from '../../image-gpt/error.ts';

/** A batch job cannot begin, go on, or be read. */
export class BatchError extends ImageGptError {}
