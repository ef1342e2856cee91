import type { Command } from 'commander';

/** In the order of the help. Each verb brings its own part of the system along, and is loaded when it is asked for. */
export const VERBS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run/run.ts')).runCommand(),
  classify: async () => (await import('./pictures/classify.ts')).classifyCommand(),
  quantize: async () => (await import('./pictures/quantize.ts')).quantizeCommand(),
  forward: async () => (await import('./arrays/forward.ts')).forwardCommand(),
  complete: async () => (await import('./pictures/complete.ts')).completeCommand(),
  inspect: async () => (await import('./model/inspect.ts')).inspectCommand(),
  batch: async () => (await import('./batch/batch.ts')).batchCommand(),
  similar: async () => (await import('./batch/similar.ts')).similarCommand(),
  train: async () => (await import('./training/train.ts')).trainCommand(),
  probe: async () => (await import('./training/probe.ts')).probeCommand(),
  eval: async () => (await import('./training/eval.ts')).evalCommand(),
  palette: async () => (await import('./training/palette.ts')).paletteCommand(),
  import: async () => (await import('./model/import.ts')).importCommand(),
  init: async () => (await import('./model/init.ts')).initCommand(),
  'quantize-weights': async () => (await import('./model/quantize-weights.ts')).quantizeWeightsCommand(),
  verify: async () => (await import('./model/verify.ts')).verifyCommand(),
  doctor: async () => (await import('./aws/doctor.ts')).doctorCommand(),
  smoke: async () => (await import('./aws/smoke.ts')).smokeCommand(),
  status: async () => (await import('./aws/status.ts')).statusCommand(),
  tail: async () => (await import('./aws/tail.ts')).tailCommand(),
  redrive: async () => (await import('./aws/redrive.ts')).redriveCommand(),
  backfill: async () => (await import('./aws/backfill.ts')).backfillCommand(),
  cost: async () => (await import('./aws/cost.ts')).costCommand(),
};
