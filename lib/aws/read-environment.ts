import { z } from 'zod';
import { ImageGptError } from '../ports/error.ts';

/** The environment of a process is incomplete or wrong. */
export class EnvironmentError extends ImageGptError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_environment', message, options);
  }
}

/**
 * Reads the variables of `contract`. An empty variable counts as absent.
 *
 * @throws {EnvironmentError} naming every variable that is missing or wrong
 */
export function readEnvironment<T>(contract: z.ZodType<T>, variables: Readonly<Record<string, string | undefined>>): T {
  const present = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== '' && value !== undefined),
  );
  const parsed = contract.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = z.core.toDotPath(path) || 'environment';
    return String(path[0]) in present ? `${name}: ${message}` : `${name} is missing`;
  });
  throw new EnvironmentError(
    `Expected the environment of a deployed process; ${faults.length} of its variables are wrong: ${faults.join('; ')}.`,
    { cause: parsed.error },
  );
}
