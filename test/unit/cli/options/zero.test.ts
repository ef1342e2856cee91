import type { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { verbs } from '../../../../lib/cli/verb-list.ts';

/**
 * What 0 means to each numeric option: `off` switches off what the option asks for, and its help says so; `value` is a
 * number like others; `refused` means nothing.
 */
const meanings: Readonly<Record<string, 'off' | 'value' | 'refused'>> = {
  '--batch': 'refused',
  '--clip': 'off',
  '--colors': 'refused',
  '--count': 'refused',
  '--decode-timeout': 'refused',
  '--decoders': 'refused',
  '--draws': 'refused',
  '--epochs': 'refused',
  '--eval-every': 'off',
  // The embeddings are layer 0.
  '--head-layer': 'value',
  '--heads': 'refused',
  '--images': 'refused',
  '--interval': 'refused',
  '--iterations': 'refused',
  // Nothing of the picture is kept.
  '--keep': 'value',
  '--labels-per-class': 'refused',
  '--layer': 'value',
  '--leap': 'off',
  // PyTorch accepts it too: no weight changes.
  '--lr': 'value',
  '--masks': 'off',
  // No picture may fail.
  '--max-failure-rate': 'value',
  '--max-megabytes': 'refused',
  '--max-megapixels': 'refused',
  '--max-waiting': 'refused',
  '--megabytes': 'value',
  '--megapixels': 'value',
  '--micro-batch': 'refused',
  '--number': 'refused',
  '--patience': 'off',
  '--samples': 'refused',
  '--save-every': 'off',
  '--seed': 'value',
  // Any free port.
  '--serve': 'value',
  '--shard-size': 'refused',
  '--size': 'refused',
  '--split-seed': 'value',
  '--steps': 'refused',
  // The likeliest token.
  '--temperature': 'value',
  '--test-share': 'value',
  '--threads': 'refused',
  '--timeout': 'refused',
  '--top': 'refused',
  '--top-k': 'off',
  '--top-p': 'refused',
  // A machine of one's own.
  '--usd-per-hour': 'value',
  '--utilisation': 'refused',
  // Nothing is measured.
  '--validation': 'value',
  '--validation-share': 'value',
  '--warmup': 'off',
  '--weight-decay': 'value',
  '--workers': 'refused',
};

const commands = (await Promise.all(verbs.map(({ load }) => load()))).flatMap(withActions);

function withActions(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withActions)];
}

const options = commands.flatMap((command) =>
  command.options.filter(isNumeric).map((option) => ({ verb: command.name(), flag: option.long ?? '', option })),
);

function isNumeric(option: Option): boolean {
  return ['0.5', '1', '2'].some((text) => typeof parsed(option, text) === 'number');
}

/** Undefined for text that the option refuses. */
function parsed({ parseArg }: Option, text: string): unknown {
  try {
    return parseArg?.(text, undefined);
  } catch {
    return undefined;
  }
}

describe('the number 0', () => {
  test('has a meaning for every numeric option, and for no other', () => {
    expect([...new Set(options.map(({ flag }) => flag))].sort()).toEqual(Object.keys(meanings).sort());
  });

  test.each(options)('is what the table says to igpt $verb $flag', ({ flag, option }) => {
    expect(parsed(option, '0')).toBe(meanings[flag] === 'refused' ? undefined : 0);
    if (meanings[flag] === 'off') expect(option.description).toMatch(/\b0(: | \()|and 0: |\b0 hides/);
  });
});
