import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { nestedUseSvg } from './hostile-svg.ts';

/** A process of its own that waits for a picture which takes for ever: a test kills it and looks for its children. */
const decoder = openDecoder(
  { width: 8, height: 8, resample: 2, crop: 'none' },
  { size: 1, allowSvg: true, timeoutMs: 600_000 },
);
await decoder.decode(nestedUseSvg());
