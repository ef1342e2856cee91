import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import { estimateCost } from '../../lib/operate/estimate-cost.ts';
import { estimateLambdaCost } from '../../lib/operate/estimate-lambda-cost.ts';
import { defaultUtilisation } from '../../lib/operate/throughput.ts';

export interface ProofSize {
  pictures: number;
  /** Timeout of each wait (minutes). */
  limit: number;
}

/** Cost of a proof: as expected, and if every wait takes its limit (USD). */
export interface ProofCost {
  usual: number;
  most: number;
}

/** Most tasks of a proof: the killed one, its replacement, and two on demand if Spot has no capacity. */
const mostTasks = 4;

/** Waits of a proof: wake, first outcome, kill, all outcomes, events, back to zero. */
const waits = 6;

/** Pictures of a proof, and the figures of igpt-nano. */
const question = { gflop: 0.74, tokens: 256, features: 128, fill: 100, megabytes: 0.1, megapixels: 0.3 } as const;

/** With tasks of ECS. */
export function taskCost(kind: 'gpu' | 'cpu', compute: 'g6.xlarge' | 'cpu', { pictures, limit }: ProofSize): ProofCost {
  const utilisation = defaultUtilisation[kind];
  const { usd, workers } = estimateCost({ ...question, pictures, compute, utilisation });
  const hour = workers.onDemand.usd / workers.onDemand.quantity;
  return { usual: usd.onDemand + hour / 2, most: usd.onDemand + (mostTasks * hour * waits * limit) / 60 };
}

/** igpt-nano's weights: numbers and bytes. */
const weights = { parameters: 1_353_472, bytes: 5_400_000 } as const;

/** Each picture is computed at most as often as its message is received. */
const mostReceives = maxReceiveCount;

/** With functions, which cost nothing while they wait. */
export function functionCost({ pictures }: ProofSize): ProofCost {
  const { usd } = estimateLambdaCost({ ...question, ...weights, pictures, utilisation: defaultUtilisation.lambda });
  return { usual: usd.lambda, most: mostReceives * usd.lambda };
}
