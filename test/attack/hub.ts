import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { finished, igpt, startIgpt } from '../cli/igpt-process.ts';
import { type HubServer, hubServer } from '../support/hub-server.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import type { Attack, Played, Random } from './attack.ts';
import { anyFaults, type Fault, fileFaults, listingFaults } from './hub-faults.ts';

/** A command that takes longer is stuck (milliseconds). Its own limits of 60 s are shortened to 3 s. */
const maxMs = 120_000;

/** Most memory of the command (bytes). It takes about 130 MB for the tiny model. */
const maxBytes = 500_000_000;

const accessToken = 'hf_attack';
const configFile = 'config.json';
const weightsFile = 'model.safetensors';

/** Step from case to case. A prime, so that few cases cover all places and many cover every fault. */
const stride = 37;

/** A fault at one of the answers of a download. */
interface HubCase {
  name: string;
  /** `listing`, or a file name. */
  place: string;
  fault: Fault;
  /** Whether the fault strikes each time, or only the first time. */
  always: boolean;
}

/** Every fault at every place, once for good and once passing. */
const hubCases: readonly HubCase[] = [true, false].flatMap((always) => [
  ...casesAt('listing', { ...anyFaults, ...listingFaults }, always),
  ...casesAt(configFile, { ...anyFaults, ...fileFaults }, always),
  ...casesAt(weightsFile, { ...anyFaults, ...fileFaults }, always),
]);

function casesAt(place: string, faults: Readonly<Record<string, Fault>>, always: boolean): HubCase[] {
  const times = always ? 'always' : 'once';
  return Object.entries(faults).map(([name, fault]) => ({ name: `${place}, ${times}: ${name}`, place, fault, always }));
}

/**
 * `igpt import` from a hub whose answers have faults. Invariants:
 *
 * - It ends with 0 and the right model, or with 1, one line of ours and no model. Time and memory are bounded.
 * - It writes only the model and its own folder in the cache.
 * - It contacts no other machine. The access token reaches no other server.
 */
export async function openHub(): Promise<Attack> {
  const root = await mkdtemp(join(tmpdir(), 'attack-hub-'));
  await using tiny = await tinyCheckpoint();
  const names = [configFile, weightsFile, 'preprocessor_config.json'];
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(tiny.directory, name))] as const)),
  );
  const expected = await importedFiles(files, join(root, 'expected'));

  async function play(number: number, random: Random): Promise<Played> {
    const hubCase = hubCases[(number * stride) % hubCases.length];
    if (hubCase === undefined) throw new RangeError(`expected a fault for case ${number}`);
    // Deep inside, so that names that lead upwards stay below the root.
    const place = join(root, String(number), 'a/b/c/d');
    const [work, reports] = [join(place, 'work'), join(root, `reports-${number}`)];
    for (const folder of [work, reports]) await mkdir(folder, { recursive: true });
    await using other = await hubServer(files);
    await using hub = await hubServer(files);
    hub.token = accessToken;
    const leaked = watchToken(other);
    strike(hub, hubCase, { files, other: other.url, random });

    const began = Date.now();
    const child = startIgpt(['import', 'org/model', '--out', 'out'], {
      cwd: work,
      env: { ...environment(place, reports), HF_ENDPOINT: hub.url },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), maxMs);
    const { code, signal, stderr } = await finished(child);
    clearTimeout(timer);
    const wrong = [
      ...verdict(code, stderr),
      ...(signal === null ? [] : [`ended by ${signal} after ${Date.now() - began} ms`]),
      ...(await wrongFiles(join(root, String(number)), code, expected)),
      ...(await wrongReports(reports)),
      ...(leaked() ? ['the access token reached another server'] : []),
    ];
    await rm(join(root, String(number)), { recursive: true });
    await rm(reports, { recursive: true });
    return {
      outcome: code === 0 ? 'imported' : 'refused',
      wrong: wrong.map((sentence) => `${hubCase.name}: ${sentence}`),
      files: { 'stderr.txt': stderr },
    };
  }

  return {
    unit: 'hub answers',
    concurrency: 3,
    play,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

const watchedProcess = new URL('./watched-process.js', import.meta.url);

function environment(place: string, reports: string): Record<string, string> {
  return {
    HOME: join(place, 'home'),
    XDG_CACHE_HOME: join(place, 'cache'),
    HF_HOME: join(place, 'huggingface'),
    HF_TOKEN: accessToken,
    NODE_OPTIONS: `--import=${watchedProcess.href}`,
    ATTACK_REPORTS: reports,
  };
}

/** Hashes of the model that an import of sound files makes. */
async function importedFiles(files: ReadonlyMap<string, Buffer>, place: string): Promise<string> {
  await mkdir(place);
  await using hub = await hubServer(files);
  const env = { HOME: place, XDG_CACHE_HOME: place, HF_HOME: place, HF_ENDPOINT: hub.url };
  const { code, stderr } = await igpt(['import', 'org/model', '--out', 'out'], { cwd: place, env });
  if (code !== 0) throw new Error(`Expected an import of sound files, received ${stderr}`);
  return hashOf(join(place, 'out'));
}

/** Strikes the requests of the case's place. */
function strike(
  hub: HubServer,
  { place, fault, always }: HubCase,
  { files, other, random }: { files: ReadonlyMap<string, Buffer>; other: string; random: Random },
): void {
  let struck = false;
  hub.fault = (request: IncomingMessage, response: ServerResponse) => {
    const { url: path = '', method } = request;
    if ((method === 'POST' ? 'listing' : path.split('/').at(-1)) !== place || (struck && !always)) return false;
    struck = true;
    const sound = files.get(place) ?? Buffer.from(JSON.stringify(hub.listing()));
    fault({ response, sound, other, path, random });
    return true;
  };
}

/** Whether a request to the server carried a token. */
function watchToken(server: HubServer): () => boolean {
  let seen = false;
  server.fault = ({ headers }) => {
    seen ||= headers.authorization !== undefined;
    return false;
  };
  return () => seen;
}

function verdict(code: number | null, stderr: string): string[] {
  if (code === 0) return [];
  const lines = stderr.split('\n').filter((line) => line.startsWith('igpt: '));
  if (code !== 1) return [`exit code ${code}: ${stderr}`];
  return lines.length === 1 && !/unexpected|this is a bug/.test(stderr) ? [] : [`no line of ours: ${stderr}`];
}

/** What the command may write: the model if it ended with 0, and its folder in the cache. */
const allowed =
  /^a(\/b(\/c(\/d(\/(work|home|huggingface|cache(\/image-gpt-serverless(\/hub(\/org--model@main(\/(config|preprocessor_config)\.json(\.[0-9a-f]{12}\.part)?|\/model\.safetensors(\.[0-9a-f]{12}\.part)?)?)?)?)?))?)?)?)?$/;

async function wrongFiles(root: string, code: number | null, expected: string): Promise<string[]> {
  const out = 'a/b/c/d/work/out';
  const names = (await readdir(root, { recursive: true })).filter((name) => !name.startsWith('a/b/c/d/cache/node'));
  const model = names.filter((name) => name === out || name.startsWith(`${out}/`));
  const wrong = names.filter((name) => !model.includes(name) && !allowed.test(name)).map((name) => `wrote ${name}`);
  if (code !== 0) return model.length === 0 ? wrong : [...wrong, 'left a model'];
  const found = model.length === 0 ? 'nothing' : await hashOf(join(root, out));
  return found === expected ? wrong : [...wrong, `made another model: ${found}`];
}

async function hashOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder)).toSorted()) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}

const report = z.strictObject({ refused: z.array(z.string()), peakBytes: z.number() });

async function wrongReports(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const reports = await Promise.all(
    names.map(async (name) => report.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
  );
  return reports.flatMap(({ peakBytes }) => (peakBytes > maxBytes ? [`took ${peakBytes} bytes of memory`] : []));
}
