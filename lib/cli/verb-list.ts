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
    summary: 'run a directory of pictures into one outcome per picture',
    load: async () => (await import('./verbs/run.ts')).runCommand(),
  },
  {
    name: 'classify',
    usage: '[options] <file...>',
    summary: 'print the likeliest classes of each picture',
    load: async () => (await import('./verbs/classify.ts')).classifyCommand(),
  },
  {
    name: 'quantize',
    usage: '[options] <file...>',
    summary: 'turn pictures into colour tokens: what the model sees',
    load: async () => (await import('./verbs/quantize.ts')).quantizeCommand(),
  },
  {
    name: 'forward',
    usage: '[options]',
    summary: 'turn tokens into raw outputs, to check against other implementations',
    load: async () => (await import('./verbs/forward.ts')).forwardCommand(),
  },
  {
    name: 'complete',
    usage: '[options] [file]',
    summary: 'draw the paper’s completion grid: original, kept part, samples',
    load: async () => (await import('./verbs/complete.ts')).completeCommand(),
  },
  {
    name: 'inspect',
    usage: '[options] [model]',
    summary: 'describe a checkpoint: variant, size, palette, labels, cost',
    load: async () => (await import('./verbs/inspect.ts')).inspectCommand(),
  },
  {
    name: 'batch',
    usage: '',
    summary: 'run a whole data set into Parquet shards: run, verify, retry; submit, status, cancel on AWS',
    load: async () => (await import('./verbs/batch.ts')).batchCommand(),
  },
  {
    name: 'similar',
    usage: '[options] <file>',
    summary: 'find the pictures of a job that are most similar to a picture',
    load: async () => (await import('./verbs/similar.ts')).similarCommand(),
  },
  {
    name: 'train',
    usage: '[options]',
    summary: 'pre-train or fine-tune a model',
    load: async () => (await import('./verbs/train.ts')).trainCommand(),
  },
  {
    name: 'probe',
    usage: '[options]',
    summary: 'fit a linear classifier on the features of each layer',
    load: async () => (await import('./verbs/probe.ts')).probeCommand(),
  },
  {
    name: 'eval',
    usage: '[options]',
    summary: 'measure accuracy and likelihood on a data set',
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
    summary: 'make a model directory from published weights: PyTorch, TensorFlow, safetensors, the hub',
    load: async () => (await import('./verbs/import.ts')).importCommand(),
  },
  {
    name: 'init',
    usage: '[options]',
    summary: "make a new model of one of the paper's sizes, with random weights",
    load: async () => (await import('./verbs/init.ts')).initCommand(),
  },
  {
    name: 'quantize-weights',
    usage: '[options] <model>',
    summary: 'make weights in other number formats, and show what they change',
    load: async () => (await import('./verbs/quantize-weights.ts')).quantizeWeightsCommand(),
  },
  {
    name: 'export',
    usage: '[options] [model]',
    summary: 'write a model as ONNX, for other programs',
    load: async () => (await import('./verbs/export.ts')).exportCommand(),
  },
  {
    name: 'verify',
    usage: '[options] <model>',
    summary: 'check whether a checkpoint is the published one, and whether int8 suits it',
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
    summary: 'send one picture through a deployed stack, end to end',
    load: async () => (await import('./verbs/smoke.ts')).smokeCommand(),
  },
  {
    name: 'status',
    usage: '[options]',
    summary: 'show queues, tasks, throughput and time left of a deployed stack',
    load: async () => (await import('./verbs/status.ts')).statusCommand(),
  },
  {
    name: 'tail',
    usage: '[options]',
    summary: 'show result events of a deployed stack as they arrive',
    load: async () => (await import('./verbs/tail.ts')).tailCommand(),
  },
  {
    name: 'redrive',
    usage: '[options]',
    summary: 'list dead-lettered messages with their causes and send them back',
    load: async () => (await import('./verbs/redrive.ts')).redriveCommand(),
  },
  {
    name: 'backfill',
    usage: '[options]',
    summary: 'send pictures without a current outcome through a deployed stack',
    load: async () => (await import('./verbs/backfill.ts')).backfillCommand(),
  },
  {
    name: 'cost',
    usage: '[options]',
    summary: 'estimate what pictures cost on AWS, and the idle stack',
    load: async () => (await import('./verbs/cost.ts')).costCommand(),
  },
];
