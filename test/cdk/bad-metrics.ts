import { seededRandom } from '../support/seeded-random.ts';
import type { Weather } from './simulated-scaling.ts';

/** @returns minutes */
export function hours(count: number): number {
  return count * 60;
}

/**
 * Data points are up to three minutes late, up to a tenth never appear, and actions come up to three times a minute. With
 * every other seed, SQS reports that nothing is in flight. The same seed gives the same metrics.
 */
export function badMetrics(seed: number): Pick<Weather, 'delay' | 'lost' | 'repeats' | 'zeroInFlight'> {
  const random = seededRandom(seed + 1e6);
  const latest = Math.floor(random() * 4);
  const missing = random() * 0.1;
  return {
    delay: () => Math.floor(random() * (latest + 1)),
    lost: () => random() < missing,
    repeats: () => 1 + Math.floor(random() * 3),
    zeroInFlight: seed % 2 === 0,
  };
}
