import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, type CommanderError, Help, type Option } from 'commander';
import { repositoryRoot } from '../local/repository.ts';
import { UsageError } from '../ports/error.ts';
import { invocation, samplePictures } from './invocation.ts';
import { nearest } from './nearest.ts';
import { writeOut } from './terminal/standard-output.ts';

/** Help or version went out: the command is done. */
export class HelpShown extends Error {}

/** The program, as far as this command line needs it: its verb alone, or all of them for help. */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('igpt')
    .description('Image GPT: pictures in; classes, features, likelihoods and completions out.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--debug', 'print the whole error with its stack (or set IGPT_DEBUG=1)', false)
    .action(async (_, command: Command) => {
      const [verb] = command.args;
      if (verb !== undefined) {
        throw unknownVerb(command, verb);
      }
      await writeOut(grammar(command));
    })
    .allowExcessArguments()
    .helpCommand('help [verb]', 'print the help of a verb');
  for (const command of await commandsFor(args)) program.addCommand(command);
  const actions = program.commands.flatMap((command) => command.commands);
  for (const command of [program, ...program.commands, ...actions]) {
    command
      .helpOption('-h, --help', 'print this help')
      .configureOutput({ outputError: () => {}, writeErr: () => {} })
      .configureHelp({ showGlobalOptions: true, optionDescription })
      .showSuggestionAfterError(false)
      .exitOverride((error) => {
        throw translate(command, error);
      });
  }
  return program;
}

function commandsFor(args: readonly string[]): Promise<Command[]> {
  const verb = VERBS[args.find((arg) => !arg.startsWith('-')) ?? ''];
  return Promise.all((verb === undefined ? Object.values(VERBS) : [verb]).map((create) => create()));
}

function translate(command: Command, error: CommanderError): Error {
  if (error.exitCode === 0) {
    return new HelpShown();
  }
  if (error.code === 'commander.help') {
    // `igpt help nope`
    return unknownVerb(command, command.args[1] ?? '');
  }
  const words = error.message
    .replace(/^error: /, '')
    .replace(
      /^option '(.+?)' argument '(.*)' is invalid\. (.*?)\.?$/s,
      (_, option, got, why) =>
        // A parser that looks closer says itself what it got.
        `${option}: ${why}${why.includes(", got '") ? '' : `; got '${got}'`}`,
    )
    .replace(/^command-argument value '(.*)' is invalid for argument '(.+?)'\. (.*?)\.?$/s, "$2: $3; got '$1'")
    .replace('Allowed choices are ', 'expected one of ')
    .replace(/\.$/, '');
  const flag = /unknown option '([^']*)'/.exec(words)?.[1];
  const choice = /expected one of (.*); got '([^']*)'/s.exec(words);
  const meant =
    flag !== undefined ? nearest(flag, flagsOf(command)) : nearest(choice?.[2] ?? '', choice?.[1]?.split(', ') ?? []);
  const suggestion = meant === undefined ? '' : ` (nearest: ${meant})`;
  const verb = command.parent === null ? '' : `${pathOf(command)}: `;
  return new UsageError(`${verb}${words}${suggestion}; see ${seeHelp(command)}`, { cause: error });
}

/** A switch is off unless given: nobody needs to be told. */
function optionDescription(option: Option): string {
  const words = new Help().optionDescription(option);
  return option.isBoolean() ? words.replace(/ ?\(default: false\)$/, '') : words;
}

function flagsOf(command: Command): string[] {
  const options = [...command.options, ...(command.parent?.options ?? [])];
  return [...options.flatMap((option) => option.long ?? []), '--help'];
}

function unknownVerb(program: Command, verb: string): UsageError {
  const names = program.commands.map((command) => command.name());
  const meant = nearest(verb, names);
  return new UsageError(
    `there is no verb '${verb}'${meant === undefined ? '' : ` (nearest: ${meant})`}; expected one of ${names.join(', ')}; see ${seeHelp(program)}`,
  );
}

function seeHelp(command: Command): string {
  return [invocation(), pathOf(command), '--help'].filter(Boolean).join(' ');
}

/** `batch run`; empty for the program itself. */
function pathOf(command: Command): string {
  if (command.parent === null) return '';
  return `${pathOf(command.parent)} ${command.name()}`.trimStart();
}

/** What a first-time user needs: the shape of a command, the verbs, and three commands that run as they stand. */
function grammar(program: Command): string {
  const call = invocation();
  const width = Math.max(...program.commands.map((command) => command.name().length));
  const verbs = program.commands.map((command) => `  ${command.name().padEnd(width)} ${command.summary()}`);
  return [
    `${program.description()}`,
    '',
    `Grammar: ${call} VERB [FILE or DIRECTORY …] [--flag value …]`,
    '',
    ...verbs,
    '',
    'Three commands that run as they stand:',
    `  ${call} run ${samplePictures()}`,
    `  ${call} classify ${samplePictures('animals/cat.jpg')}`,
    `  ${call} inspect igpt-nano`,
    '',
    `Every verb explains itself: ${call} run --help`,
    '',
  ].join('\n');
}

function version(): string {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** In the order of the help. Each verb brings its own part of the system along, and is loaded when it is asked for. */
export const VERBS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./verbs/run.ts')).runCommand(),
  classify: async () => (await import('./verbs/classify.ts')).classifyCommand(),
  quantize: async () => (await import('./verbs/quantize.ts')).quantizeCommand(),
  forward: async () => (await import('./verbs/forward.ts')).forwardCommand(),
  complete: async () => (await import('./verbs/complete.ts')).completeCommand(),
  inspect: async () => (await import('./verbs/inspect.ts')).inspectCommand(),
  batch: async () => (await import('./verbs/batch.ts')).batchCommand(),
  similar: async () => (await import('./verbs/similar.ts')).similarCommand(),
  train: async () => (await import('./verbs/train.ts')).trainCommand(),
  probe: async () => (await import('./verbs/probe.ts')).probeCommand(),
  eval: async () => (await import('./verbs/eval.ts')).evalCommand(),
  palette: async () => (await import('./verbs/palette.ts')).paletteCommand(),
  import: async () => (await import('./verbs/import.ts')).importCommand(),
  init: async () => (await import('./verbs/init.ts')).initCommand(),
  'quantize-weights': async () => (await import('./verbs/quantize-weights.ts')).quantizeWeightsCommand(),
  verify: async () => (await import('./verbs/verify.ts')).verifyCommand(),
  doctor: async () => (await import('./verbs/doctor.ts')).doctorCommand(),
  smoke: async () => (await import('./verbs/smoke.ts')).smokeCommand(),
  status: async () => (await import('./verbs/status.ts')).statusCommand(),
  tail: async () => (await import('./verbs/tail.ts')).tailCommand(),
  redrive: async () => (await import('./verbs/redrive.ts')).redriveCommand(),
  backfill: async () => (await import('./verbs/backfill.ts')).backfillCommand(),
  cost: async () => (await import('./verbs/cost.ts')).costCommand(),
};
