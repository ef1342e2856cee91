import { readFile } from 'node:fs/promises';
import wabt from 'wabt';

/** Compiles a WebAssembly text file to base64; `node test/unit/image-gpt/compile-wat.ts FILE.wat` prints it. */
export async function compileWat(path: string): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat(path, await readFile(path, 'utf8'), { simd: true });
  return Buffer.from(module.toBinary({}).buffer).toString('base64');
}

const [, script, file] = process.argv;
if (script === import.meta.filename && file !== undefined) process.stdout.write(`${await compileWat(file)}\n`);
