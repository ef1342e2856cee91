import { ImageGptError } from '../image-gpt/error.ts';

/** A Parquet file is damaged, or holds something else than expected. */
export class ParquetError extends ImageGptError {}
