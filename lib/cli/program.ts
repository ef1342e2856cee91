import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, type CommanderError, Help, type Option } from 'commander';
import { repositoryRoot } from '../local/repository.ts';
import { UsageError } from '../ports/error.ts';
import { invocation, samplePictures } from './invocation.ts';
import { writeOut } from './terminal/standard-output.ts';
import { verbs } from './verb-list.ts';

/** The help or the version was printed: the command is done. */
export class HelpShown extends Error {}

/** The program for one command line: with the verb that it names, or with a list of all verbs. */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('igpt')
    .description('Image GPT: pictures in; classes, features, likelihoods and completions out.')
    .version(version(), '-V, --version', 'print the version')
    .option('--debug', 'print the whole error with its stack (or set IGPT_DEBUG=1)', false)
    .helpCommand('help [verb]', 'print the help of a verb');
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  const named = first === 'help' ? second : first;
  const verb = verbs.find(({ name }) => name === named);
  if (verb !== undefined) {
    program.addCommand(await verb.load());
  } else {
    for (const { name, summary } of verbs) program.command(name).summary(summary);
  }
  if (first === undefined) {
    program.action(() => writeOut(grammar(program)));
  }
  const actions = program.commands.flatMap((command) => command.commands);
  for (const command of [program, ...program.commands, ...actions]) {
    command
      .helpOption('-h, --help', 'print this help')
      .configureOutput({ outputError: () => {}, writeErr: () => {} })
      .configureHelp({ showGlobalOptions: true, optionDescription, subcommandTerm })
      .exitOverride((error) => {
        throw translate(command, error);
      });
  }
  return program;
}

function translate(command: Command, error: CommanderError): Error {
  if (error.exitCode === 0) {
    return new HelpShown();
  }
  const verb = command.parent === null ? '' : `${pathOf(command)}: `;
  if (error.code === 'commander.help') {
    // `igpt help nope`, or `igpt batch` without an action.
    const [, asked] = command.args;
    return new UsageError(
      `${verb}${asked === undefined ? 'no verb' : `there is no verb '${asked}'`}${seeVerbs(command)}`,
    );
  }
  const words = error.message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)$/, ' (nearest: $1)')
    .replace(
      /^option '(.+?)' argument '(.*)' is invalid\. (.*?)\.?$/s,
      (_, option, got, why) =>
        // The message of a list parser already names the wrong item.
        `${option}: ${why}${why.includes(", got '") ? '' : `; got '${got}'`}`,
    )
    .replace(/^command-argument value '(.*)' is invalid for argument '(.+?)'\. (.*?)\.?$/s, "$2: $3; got '$1'")
    .replace('Allowed choices are ', 'expected one of ')
    .replace(/^unknown command /, 'there is no verb ')
    .replace(/\.$/, '');
  const see = error.code === 'commander.unknownCommand' ? seeVerbs(command) : `; see ${seeHelp(command)}`;
  return new UsageError(`${verb}${words}${see}`, { cause: error });
}

/** Leaves out the default of a switch: it is always off. */
function optionDescription(option: Option): string {
  const words = new Help().optionDescription(option);
  return option.isBoolean() ? words.replace(/ ?\(default: false\)$/, '') : words;
}

function subcommandTerm(command: Command): string {
  const verb = verbs.find(({ name }) => name === command.name());
  return verb === undefined || command.parent?.parent !== null
    ? new Help().subcommandTerm(command)
    : `${verb.name} ${verb.usage}`.trim();
}

function seeVerbs(command: Command): string {
  const names = command.commands.map((verb) => verb.name());
  return `; expected one of ${names.join(', ')}; see ${seeHelp(command)}`;
}

function seeHelp(command: Command): string {
  return [invocation(), pathOf(command), '--help'].filter(Boolean).join(' ');
}

/** The command and its parents, for instance `batch run`; empty for the program itself. */
function pathOf(command: Command): string {
  if (command.parent === null) return '';
  return `${pathOf(command.parent)} ${command.name()}`.trimStart();
}

/** The grammar of a command, the verbs, and three commands that work as printed. */
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
    'Three commands to try:',
    `  ${call} run ${samplePictures()}`,
    `  ${call} classify ${samplePictures('animals/cat.jpg')}`,
    `  ${call} inspect igpt-nano`,
    '',
    `Help of a verb: ${call} run --help`,
    '',
  ].join('\n');
}

function version(): string {
  const manifest = join(repositoryRoot, 'package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}
