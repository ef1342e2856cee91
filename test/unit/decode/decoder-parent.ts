import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { nestedUseSvg } from './hostile-svg.ts';

// A process that waits for a picture that never finishes: a test kills it and checks that its children end too.
const decoder = openDecoder(
  { width: 8, height: 8, resample: 2, crop: 'none' },
  { size: 1, allowSvg: true, timeoutMs: 600_000 },
);
await decoder.decode(nestedUseSvg());
