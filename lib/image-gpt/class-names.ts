/**
 * One spelling of a class name. Folders from macOS are in another Unicode normal form, and archives add spaces at the
 * ends; case tells classes apart (the letters `a` and `A`).
 */
export function className(name: string): string {
  return name.normalize('NFC').trim() || name;
}

/**
 * Class names [C], each of them once. A name that several classes have (ImageNet's two cranes) is followed by the number
 * of the class: `crane (134)`, `crane (517)`.
 */
export function distinctNames(names: readonly string[]): string[] {
  const classesOf = new Map<string, number>();
  for (const name of names) classesOf.set(className(name), (classesOf.get(className(name)) ?? 0) + 1);
  const taken = new Set(classesOf.keys());
  return names.map((name, i) => {
    if (classesOf.get(className(name)) === 1) return name;
    let distinct = `${name} (${i})`;
    // A class may bear such a name of its own.
    while (taken.has(className(distinct))) distinct += ` (${i})`;
    taken.add(className(distinct));
    return distinct;
  });
}
