import type { RecordedCall } from './recording-proxy.ts';

export interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: { StringLike?: Record<string, string> };
}

/**
 * Whether IAM allows this call under a policy that has only Allow statements.
 *
 * @param resolve resolves the references in a value of the template
 */
export function allows(
  statements: readonly Statement[],
  { action, resource, prefix = '' }: RecordedCall,
  resolve: (value: unknown) => string,
): boolean {
  return statements.some(({ Action: actions, Resource: resources, Condition: condition }) => {
    const patterns = [resources].flat().map((value) => resolve(value));
    const listed = condition?.StringLike?.['s3:prefix'];
    const fits = patterns.some((pattern) => matchesGlob(resource, pattern) || pattern.endsWith(`/${resource}`));
    return [actions].flat().includes(action) && fits && (listed === undefined || matchesGlob(prefix, listed));
  });
}

/** Matches IAM's wildcard: `*` stands for any text, slashes included. */
function matchesGlob(text: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
