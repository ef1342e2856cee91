import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { downloadModel } from '../../../../lib/checkpoint/hub/hub-download.ts';
import { hubServer } from '../../../support/hub-server.ts';

const model = { repo: 'org/model', revision: 'main' };
const config = Buffer.from('{"model_type":"imagegpt"}');
/** Large enough for the hub to store it outside git, with a SHA-256. */
const weights = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
const files = new Map([
  ['config.json', config],
  ['pytorch_model.bin', weights],
  ['README.md', Buffer.from('not asked for')],
]);

let root: string;
let directory: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hub-'));
});
beforeEach(() => {
  directory = join(root, crypto.randomUUID());
});
afterAll(() => rm(root, { recursive: true }));

describe('a download', () => {
  it('fetches only config.json and the weights', async () => {
    await using hub = await hubServer(files);
    const seen: number[] = [];
    await downloadModel(model, { directory, hubUrl: hub.url, progress: (done) => seen.push(done) });

    expect((await readdir(directory)).sort()).toEqual(['config.json', 'pytorch_model.bin']);
    expect(await readFile(join(directory, 'pytorch_model.bin'))).toEqual(weights);
    expect(seen.at(-1)).toBe(config.length + weights.length);
  });

  it('resumes where the connection broke', async () => {
    await using hub = await hubServer(files);
    hub.breakAfter.set('pytorch_model.bin', 20_000);
    // Progress is told when bytes are on the disk, so exactly these are not sent again.
    const progress = (done: number) => {
      if (done === config.length + 20_000) hub.cut();
    };
    await downloadModel(model, { directory, hubUrl: hub.url, pauseMs: 1, progress });

    expect(await readFile(join(directory, 'pytorch_model.bin'))).toEqual(weights);
    expect(hub.ranges).toEqual(['config.json 0-25', 'pytorch_model.bin 0-50000', 'pytorch_model.bin 20000-50000']);
  });

  it('fetches nothing twice', async () => {
    await using hub = await hubServer(files);
    await downloadModel(model, { directory, hubUrl: hub.url });
    const before = hub.ranges.length;
    await downloadModel(model, { directory, hubUrl: hub.url });

    expect(hub.ranges.length).toBe(before);
  });

  it('fetches the shards that an index lists', async () => {
    const index = { weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' } };
    const shards = new Map([
      ['model.safetensors.index.json', Buffer.from(JSON.stringify(index))],
      ['model-00001-of-00002.safetensors', weights],
      ['model-00002-of-00002.safetensors', config],
    ]);
    await using hub = await hubServer(shards);
    await downloadModel(model, { directory, hubUrl: hub.url });

    expect((await readdir(directory)).sort()).toEqual([...shards.keys()].sort());
  });

  it('refuses and deletes a damaged file', async () => {
    await using hub = await hubServer(files);
    hub.sent.set('pytorch_model.bin', Buffer.alloc(weights.length));

    await expect(downloadModel(model, { directory, hubUrl: hub.url })).rejects.toThrow(
      /^pytorch_model.bin of .* arrived damaged/,
    );
    expect(await readdir(directory)).toEqual(['config.json']);
  });

  it('writes nothing outside its folder, whatever the hub lists', async () => {
    await using hub = await hubServer(files);
    hub.listed = (paths) => [...paths, '../outside.bin'].map((path) => ({ type: 'file', path, size: 3, oid: 'x' }));
    await downloadModel(model, { directory, hubUrl: hub.url, pauseMs: 1 }).catch(() => {});
    hub.listed = undefined;
    const index = Buffer.from(JSON.stringify({ weight_map: { a: '../outside.bin' } }));
    await using other = await hubServer(new Map([['pytorch_model.bin.index.json', index]]));

    await expect(downloadModel(model, { directory, hubUrl: other.url })).rejects.toThrow(/in the same directory/);
    expect(await readdir(root)).not.toContain('outside.bin');
  });

  it('names a missing model', async () => {
    await using hub = await hubServer(files);

    await expect(downloadModel({ ...model, repo: 'org/other' }, { directory, hubUrl: hub.url })).rejects.toThrow(
      /has no model org\/other at main, or it is private/,
    );
    await using empty = await hubServer(new Map());
    await expect(downloadModel(model, { directory, hubUrl: empty.url })).rejects.toThrow(/has no weights/);
  });

  it('needs a token for a private model, and says so', async () => {
    await using hub = await hubServer(files);
    hub.token = 'hf_mine';
    await downloadModel(model, { directory, hubUrl: hub.url, accessToken: 'hf_mine' });

    expect(await readFile(join(directory, 'pytorch_model.bin'))).toEqual(weights);
    await expect(downloadModel(model, { directory, hubUrl: hub.url })).rejects.toThrow(/set HF_TOKEN if it is private/);
    await expect(downloadModel(model, { directory, hubUrl: hub.url, accessToken: 'hf_other' })).rejects.toThrow(
      /check that HF_TOKEN may read it/,
    );
  });

  it('does not report a busy hub as a missing model', async () => {
    await using hub = await hubServer(files);
    hub.status = 429;

    await expect(downloadModel(model, { directory, hubUrl: hub.url })).rejects.toThrow(/could not be reached/);
  });

  it('says what to download by hand if there is no network', async () => {
    const error = await downloadModel(model, { directory, hubUrl: 'http://127.0.0.1:9' }).catch((e: unknown) => e);

    expect(error).toMatchObject({ code: 'download_failed' });
    expect(String(error)).toContain('http://127.0.0.1:9/org/model/resolve/main/config.json');
    expect(String(error)).toContain('run igpt import with that folder');
  });
});
