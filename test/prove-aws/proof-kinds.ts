import { functionCost, type ProofCost, type ProofSize, taskCost } from './proof-cost.ts';

/** A kind of compute, as the proof sees it. What it has of tasks and services, the stack's outputs say. */
interface ProofKind {
  /** For the help, after the kind's name. */
  about: string;
  cost(size: ProofSize): ProofCost;
}

/** Kinds of compute that can be proved. */
export const proofKinds = {
  cpu: { about: 'tasks on Fargate', cost: (size) => taskCost('cpu', 'cpu', size) },
  gpu: {
    about: 'tasks on GPU instances; the GPU quota of a new account is 0',
    cost: (size) => taskCost('gpu', 'g6.xlarge', size),
  },
  lambda: { about: 'functions; no quota to ask for', cost: functionCost },
} satisfies Record<string, ProofKind>;

export type ProofCompute = keyof typeof proofKinds;

export const defaultKind: ProofCompute = 'cpu';

export function isProofKind(name: string): name is ProofCompute {
  return Object.hasOwn(proofKinds, name);
}
