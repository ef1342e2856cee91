import type { Command } from 'commander';

/** A verb as the program's help lists it. */
export interface Verb {
  name: string;
  /** Its options and arguments, in commander's notation. */
  usage: string;
  summary: string;
  /** Loads the verb with its part of the system. */
  load(): Promise<Command>;
}

/** All verbs, in the order of the help. The help comes from this list alone, so that it loads no verb. */
export const verbs: readonly Verb[] = [
  {
    name: 'run',
    usage: '[options] <dir>',
    summary: 'a directory of pictures in, one outcome per picture out',
    load: async () => (await import('./verbs/run.ts')).runCommand(),
  },
  {
    name: 'classify',
    usage: '[options] <file...>',
    summary: 'the likeliest classes of each picture, as a table',
    load: async () => (await import('./verbs/classify.ts')).classifyCommand(),
  },
  {
    name: 'quantize',
    usage: '[options] <file...>',
    summary: 'pictures to colour tokens: what the model sees',
    load: async () => (await import('./verbs/quantize.ts')).quantizeCommand(),
  },
  {
    name: 'forward',
    usage: '[options]',
    summary: 'tokens in, raw outputs out, to check against other implementations',
    load: async () => (await import('./verbs/forward.ts')).forwardCommand(),
  },
  {
    name: 'complete',
    usage: '[options] [file]',
    summary: 'the paper’s completion grid: original, kept part, samples',
    load: async () => (await import('./verbs/complete.ts')).completeCommand(),
  },
  {
    name: 'inspect',
    usage: '[options] [model]',
    summary: 'what a checkpoint is: variant, size, palette, labels, cost',
    load: async () => (await import('./verbs/inspect.ts')).inspectCommand(),
  },
  {
    name: 'batch',
    usage: '',
    summary: 'a whole data set into Parquet shards: run, verify, retry; submit, status, cancel on AWS',
    load: async () => (await import('./verbs/batch.ts')).batchCommand(),
  },
  {
    name: 'similar',
    usage: '[options] <file>',
    summary: 'the pictures of a job that are most like a given one',
    load: async () => (await import('./verbs/similar.ts')).similarCommand(),
  },
  {
    name: 'train',
    usage: '[options]',
    summary: 'pre-training and fine-tuning',
    load: async () => (await import('./verbs/train.ts')).trainCommand(),
  },
  {
    name: 'probe',
    usage: '[options]',
    summary: 'a linear classifier on frozen features, layer by layer',
    load: async () => (await import('./verbs/probe.ts')).probeCommand(),
  },
  {
    name: 'eval',
    usage: '[options]',
    summary: 'accuracy and likelihood on a data set',
    load: async () => (await import('./verbs/eval.ts')).evalCommand(),
  },
  {
    name: 'palette',
    usage: '[options] <action> <data>',
    summary: 'fit a palette to pictures',
    load: async () => (await import('./verbs/palette.ts')).paletteCommand(),
  },
  {
    name: 'import',
    usage: '[options] <src>',
    summary: 'published weights into a model directory: PyTorch, TensorFlow, safetensors, the hub',
    load: async () => (await import('./verbs/import.ts')).importCommand(),
  },
  {
    name: 'init',
    usage: '[options]',
    summary: "a new model of one of the paper's sizes, with random weights",
    load: async () => (await import('./verbs/init.ts')).initCommand(),
  },
  {
    name: 'quantize-weights',
    usage: '[options] <model>',
    summary: 'make weights in other number formats, and show what they change',
    load: async () => (await import('./verbs/quantize-weights.ts')).quantizeWeightsCommand(),
  },
  {
    name: 'verify',
    usage: '[options] <model>',
    summary: 'whether a checkpoint is the published one, and whether int8 suits it',
    load: async () => (await import('./verbs/verify.ts')).verifyCommand(),
  },
  {
    name: 'doctor',
    usage: '[options]',
    summary: 'check what a deployment needs, and whether a stack is healthy',
    load: async () => (await import('./verbs/doctor.ts')).doctorCommand(),
  },
  {
    name: 'smoke',
    usage: '[options]',
    summary: 'one picture through a deployed stack, end to end',
    load: async () => (await import('./verbs/smoke.ts')).smokeCommand(),
  },
  {
    name: 'status',
    usage: '[options]',
    summary: 'what a deployed stack is doing: queues, tasks, pace, time left',
    load: async () => (await import('./verbs/status.ts')).statusCommand(),
  },
  {
    name: 'tail',
    usage: '[options]',
    summary: 'outcome events of a deployed stack as they arrive',
    load: async () => (await import('./verbs/tail.ts')).tailCommand(),
  },
  {
    name: 'redrive',
    usage: '[options]',
    summary: 'dead letters back into their queues, with what failed and why',
    load: async () => (await import('./verbs/redrive.ts')).redriveCommand(),
  },
  {
    name: 'backfill',
    usage: '[options]',
    summary: 'send the pictures without a current outcome through a deployed stack',
    load: async () => (await import('./verbs/backfill.ts')).backfillCommand(),
  },
  {
    name: 'cost',
    usage: '[options]',
    summary: 'what a number of pictures costs on AWS, and what an idle stack costs',
    load: async () => (await import('./verbs/cost.ts')).costCommand(),
  },
];
