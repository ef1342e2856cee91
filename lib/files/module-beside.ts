/**
 * The module `name`, for instance `./model-thread`, in the same form as the module at `url`: `.ts` in the sources, `.js` in
 * the package, `.mjs` in the bundle of a function. Threads and child processes start from it.
 *
 * @param url `import.meta.url` of the caller
 */
export function moduleBeside(url: string, name: string): URL {
  return new URL(`${name}${/\.\w+$/.exec(url)?.[0] ?? ''}`, url);
}
