import { estimateCost } from '../../lib/operate/estimate-cost.ts';
import { defaultUtilisation } from '../../lib/operate/throughput.ts';
import type { ProofOptions } from './proof-options.ts';

/** Most tasks of a proof: the killed one, its replacement, and two on demand if Spot has no capacity. */
const mostTasks = 4;

/** Expected cost of the proof, and its cost if every wait takes its limit (USD). */
export function proofCost({ compute, pictures, limit }: ProofOptions): { usual: number; most: number } {
  const { usd, workers } = estimateCost({
    pictures,
    // The figures of igpt-nano.
    gflop: 0.74,
    tokens: 256,
    features: 128,
    compute: compute === 'gpu' ? 'g6.xlarge' : 'cpu',
    utilisation: defaultUtilisation[compute],
    fill: 100,
    megabytes: 0.1,
    megapixels: 0.3,
  });
  const hour = workers.onDemand.usd / workers.onDemand.quantity;
  // Waits: wake, first outcome, kill, all outcomes, events, back to zero.
  return { usual: usd.onDemand + hour / 2, most: usd.onDemand + (mostTasks * hour * 6 * limit) / 60 };
}
