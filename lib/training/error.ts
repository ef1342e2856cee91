import { ImageGptError } from '../image-gpt/error.ts';

/** A data set that cannot be had, or not used for what is asked. */
export class DataSetError extends ImageGptError {}
