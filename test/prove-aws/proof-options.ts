import { parseArgs } from 'node:util';

export interface ProofOptions {
  /** Name of the stack that is made and destroyed. */
  stack: string;
  region: string | undefined;
  compute: 'gpu' | 'cpu';
  pictures: number;
  /** How many of them are bad. */
  bad: number;
  /** Each wait ends after so long, minutes. */
  limit: number;
  /** Don't ask. */
  yes: boolean;
  /** Leave the stack and its buckets. */
  keep: boolean;
  help: boolean;
}

export const proofUsage = `npm run prove:aws -- [--compute gpu|cpu] [--region R] [--stack S] [--yes] [--keep]

Deploys a stack of its own into your AWS account, sends 300 pictures through it (40 of them bad), wakes the workers
from zero, kills one at work, checks that every outcome is there and right, destroys the stack with its buckets, and
prints the figures. It costs money, so it says how much and asks. It was never run on real AWS by those who wrote it.

  --compute C   gpu or cpu (Fargate); a new account's GPU quota is 0 (default cpu)
  --region R    AWS region (default: AWS_REGION or the profile's)
  --stack S     name of the stack; it must not be there yet (default ImageGptProof)
  --pictures N  pictures in all (default 300)
  --bad N       bad ones among them (default 40)
  --limit N     each wait gives up after N minutes (default 40)
  --yes         don't ask
  --keep        don't destroy the stack and its buckets
`;

/** A wrong command line. */
export class ProofUsageError extends Error {}

/** @throws {ProofUsageError} for what is unknown or makes no sense */
export function parseProofOptions(args: readonly string[]): ProofOptions {
  const values = parse(args);
  const { compute, stack, region } = values;
  if (compute !== 'gpu' && compute !== 'cpu')
    throw new ProofUsageError(`expected --compute gpu or cpu, got ${compute}`);
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(stack)) {
    throw new ProofUsageError(`expected letters, digits and hyphens for --stack, got ${stack}`);
  }
  const pictures = whole('pictures', values.pictures, 20, 100_000);
  return {
    ...{ stack, region, compute, pictures },
    bad: whole('bad', values.bad, 0, pictures - 10),
    limit: whole('limit', values.limit, 1, 24 * 60),
    ...{ yes: values.yes, keep: values.keep, help: values.help },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        stack: { type: 'string', default: 'ImageGptProof' },
        region: { type: 'string' },
        compute: { type: 'string', default: 'cpu' },
        pictures: { type: 'string', default: '300' },
        bad: { type: 'string', default: '40' },
        limit: { type: 'string', default: '40' },
        yes: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new ProofUsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new ProofUsageError(`expected --${name} from ${min} to ${max}, got ${text}`);
}
