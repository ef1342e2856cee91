import { parseArgs } from 'node:util';
import { either } from '../../lib/contracts/field-types.ts';
import { defaultKind, isProofKind, type ProofCompute, proofKinds } from './proof-kinds.ts';

export interface ProofOptions {
  /** Name of the stack that is deployed and destroyed. */
  stack: string;
  region: string | undefined;
  compute: ProofCompute;
  pictures: number;
  /** Number of bad pictures among them. */
  bad: number;
  /** Timeout of each wait (minutes). */
  limit: number;
  /** Do not ask for confirmation. */
  yes: boolean;
  /** Do not destroy the stack and its buckets. */
  keep: boolean;
  help: boolean;
}

const kinds = Object.keys(proofKinds);

export const proofUsage = `npm run prove:aws -- [--compute ${kinds.join('|')}] [--region R] [--stack S] [--yes] [--keep]

Deploys a new stack into your AWS account and sends 300 pictures through it (40 of them bad). Workers start from
zero, and one is killed while it works. Then the command checks every outcome, destroys the stack with its buckets, and
prints the figures. It costs money: it prints how much and asks first. Its authors have never run it on real AWS.

  --compute C   kind of compute (default ${defaultKind})
${Object.entries(proofKinds)
  .map(([name, { about }]) => `                  ${name.padEnd(7)} ${about}`)
  .join('\n')}
  --region R    AWS region (default: AWS_REGION or the profile's)
  --stack S     name of the stack, which must not exist yet (default ImageGptProof)
  --pictures N  number of pictures (default 300)
  --bad N       number of bad pictures among them (default 40)
  --limit N     timeout of each wait (minutes; default 40)
  --yes         do not ask for confirmation
  --keep        do not destroy the stack and its buckets
`;

/** A wrong command line. */
export class ProofUsageError extends Error {}

/** @throws {ProofUsageError} for unknown options and invalid values */
export function parseProofOptions(args: readonly string[]): ProofOptions {
  const values = parse(args);
  const { compute, stack, region } = values;
  if (!isProofKind(compute)) throw new ProofUsageError(`expected --compute ${either(kinds)}, got ${compute}`);
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(stack)) {
    throw new ProofUsageError(`expected letters, digits and hyphens for --stack, got ${stack}`);
  }
  const pictures = whole('pictures', values.pictures, 20, 100_000);
  return {
    stack,
    region,
    compute,
    pictures,
    bad: whole('bad', values.bad, 0, pictures - 10),
    limit: whole('limit', values.limit, 1, 24 * 60),
    yes: values.yes,
    keep: values.keep,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        stack: { type: 'string', default: 'ImageGptProof' },
        region: { type: 'string' },
        compute: { type: 'string', default: defaultKind },
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
