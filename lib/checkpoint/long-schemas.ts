import { z } from 'zod';

/**
 * Schemas of lists and maps that may be long. Unlike z.array and z.record they stop at the first wrong item: zod keeps
 * 1 kB for each, so a wrong file of 1 MB would take 500 MB.
 */
export function longList<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(z.unknown()).transform((items, context) => {
    const checked: T[] = [];
    for (const [index, value] of items.entries()) {
      const parsed = item.safeParse(value);
      if (!parsed.success) return refuse(context, [index], parsed.error);
      checked.push(parsed.data);
    }
    return checked;
  });
}

/** A map from names to `value`; every name matches `key`. */
export function longMap<T>(value: z.ZodType<T>, key = z.string()): z.ZodType<Record<string, T>> {
  return z.record(z.string(), z.unknown()).transform((items, context) => {
    const checked: [string, T][] = [];
    for (const [name, item] of Object.entries(items)) {
      const named = key.safeParse(name);
      if (!named.success) return refuse(context, [name], named.error);
      const parsed = value.safeParse(item);
      if (!parsed.success) return refuse(context, [name], parsed.error);
      checked.push([name, parsed.data]);
    }
    return Object.fromEntries(checked);
  });
}

function refuse(context: z.RefinementCtx, path: (string | number)[], error: z.ZodError): never {
  const [first] = error.issues;
  context.addIssue({ code: 'custom', message: first?.message ?? 'invalid', path: [...path, ...(first?.path ?? [])] });
  return z.NEVER;
}
