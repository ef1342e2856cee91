import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../../lib/local/repository.ts';
import { parseImage } from '../../pin-images/image-digest.ts';

/** Manifests, and their digests as sha256sum prints them. */
const node = '{"schemaVersion":2,"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]}';
const nodeDigest = 'sha256:5e2803a1716a4eda7d2d136fe5b6c2562695247f6f8b9219258f521f1690ebad';
const cuda = '{"schemaVersion":2,"config":{}}';
const cudaDigest = 'sha256:fc6b27d31f093fca2791259bc5f1f885b0616677300f02a729ff7a782d4325fc';
const armOnly = '{"schemaVersion":2,"manifests":[{"platform":{"os":"linux","architecture":"arm64"}}]}';

describe('the name of an image', () => {
  it.each([
    ['node:24-bookworm-slim', 'registry-1.docker.io', 'library/node', '24-bookworm-slim'],
    ['nvidia/cuda:13.0.3', 'registry-1.docker.io', 'nvidia/cuda', '13.0.3'],
    ['docker.io/node:24', 'registry-1.docker.io', 'library/node', '24'],
    ['public.ecr.aws/docker/library/node:24', 'public.ecr.aws', 'docker/library/node', '24'],
    ['localhost:5000/node:24', 'localhost:5000', 'node', '24'],
    [`nvcr.io/nvidia/cuda:13.0.3@sha256:${'a'.repeat(64)}`, 'nvcr.io', 'nvidia/cuda', '13.0.3'],
  ])('%s is at %s', (image, registry, repository, tag) => {
    expect(parseImage(image)).toEqual({ registry, repository, tag });
  });

  it.each(['node', 'node@sha256:0', 'localhost:5000/node', ''])('without a tag (%j) is refused', (image) => {
    expect(() => parseImage(image)).toThrow('Expected an image with its tag');
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('npm run pin:images', () => {
  let folder: string;
  let dockerfile: string;
  let registry: string;
  let server: ReturnType<typeof createServer>;
  /** Answers to a request with a token, by path. */
  let manifests: Record<string, string | Answer>;
  /** Paths and queries of the requests. */
  let asked: string[];
  /** Of the answers without a token. `{realm}` becomes the address of tokens. */
  let challenge: string;

  beforeEach(async () => {
    asked = [];
    manifests = { '/v2/docker/library/node/manifests/24-slim': node, '/v2/nvidia/cuda/manifests/13.0.3': cuda };
    challenge = 'Bearer realm="{realm}",service="public.ecr.aws",scope="aws"';
    server = createServer((request, response) => {
      const { url = '', headers } = request;
      asked.push(url);
      if (url.startsWith('/token')) return void response.end('{"token":"secret"}');
      if (headers.authorization !== 'Bearer secret') {
        const header = { 'www-authenticate': challenge.replace('{realm}', `http://${registry}/token`) };
        return void response.writeHead(401, header).end();
      }
      const manifest = manifests[url];
      if (typeof manifest === 'function') return manifest(request, response);
      response.writeHead(manifest === undefined ? 404 : 200).end(manifest);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    folder = await mkdtemp(join(tmpdir(), 'pin-'));
    dockerfile = join(folder, 'Dockerfile');
    await writeFile(dockerfile, text());
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const text = (nodePin = '', cudaPin = '') =>
    [
      `ARG NODE_IMAGE=${registry}/docker/library/node:24-slim${nodePin}`,
      `# A comment about ${registry}/nvidia/cuda:13.0.3`,
      `ARG CUDA_IMAGE=${registry}/nvidia/cuda:13.0.3${cudaPin}`,
      'ARG CUDA_LIBRARY_SHA256=',
      'FROM $' + '{NODE_IMAGE} AS node',
      '',
    ].join('\n');

  const pin = () =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const script = join(repositoryRoot, 'test/pin-images/main.ts');
      execFile(process.execPath, [script, dockerfile], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });

  it('writes the digests behind the tags, and nothing else; a second time nothing changes', async () => {
    expect(await pin()).toEqual({
      code: 0,
      stdout: `${registry}/docker/library/node:24-slim@${nodeDigest} (new)\n${registry}/nvidia/cuda:13.0.3@${cudaDigest} (new)\n`,
      stderr: '',
    });
    expect(await readFile(dockerfile, 'utf8')).toBe(text(`@${nodeDigest}`, `@${cudaDigest}`));
    expect((await pin()).stdout).toMatch(/\(as before\)\n.*\(as before\)\n$/);
    expect(await readFile(dockerfile, 'utf8')).toBe(text(`@${nodeDigest}`, `@${cudaDigest}`));
  });

  it('replaces older digests', async () => {
    const old = `@sha256:${'0'.repeat(64)}`;
    await writeFile(dockerfile, text(old, old));

    expect((await pin()).stdout).toContain(`(before sha256:${'0'.repeat(64)})`);
    expect(await readFile(dockerfile, 'utf8')).toBe(text(`@${nodeDigest}`, `@${cudaDigest}`));
  });

  it.each([
    [
      'ECR Public',
      'Bearer realm="{realm}",service="public.ecr.aws",scope="aws"',
      '/token?service=public.ecr.aws&scope=aws',
    ],
    // It names no service.
    [
      'NVIDIA',
      'Bearer realm="{realm}",scope="repository:docker/library/node:pull"',
      '/token?scope=repository%3Adocker%2Flibrary%2Fnode%3Apull',
    ],
    [
      'a registry that names no scope',
      'Bearer realm="{realm}",service="hub"',
      '/token?service=hub&scope=repository%3Adocker%2Flibrary%2Fnode%3Apull',
    ],
  ])('asks for a token as %s wants it', async (_, wanted, request) => {
    challenge = wanted;

    expect((await pin()).code).toBe(0);
    expect(asked.slice(0, 3)).toEqual([
      '/v2/docker/library/node/manifests/24-slim',
      request,
      '/v2/docker/library/node/manifests/24-slim',
    ]);
  });

  const other: Record<string, [Partial<Record<'node' | 'cuda', string | Answer>>, RegExp]> = {
    'a tag that is gone': [
      { cuda: (_, response) => void response.writeHead(404).end() },
      /cuda:13\.0\.3: .* answers 404/,
    ],
    'too many requests': [
      { node: (_, response) => void response.writeHead(429).end() },
      /node:24-slim: .* answers 429/,
    ],
    'an image for arm64 only': [{ node: armOnly }, /expected an image for linux\/amd64/],
    'a manifest that is not the one it tells': [
      {
        cuda: (_, response) =>
          void response.writeHead(200, { 'docker-content-digest': `sha256:${'1'.repeat(64)}` }).end(cuda),
      },
      /expected the manifest sha256:1+, received sha256:/,
    ],
    'a connection that breaks': [{ cuda: (request) => void request.socket.destroy() }, /its registry does not answer/],
    'a page in place of a manifest': [{ cuda: '<html>' }, /pin:images: /],
  };

  it.each(Object.entries(other))('changes nothing after %s', async (_, [answers, message]) => {
    manifests = {
      '/v2/docker/library/node/manifests/24-slim': answers.node ?? node,
      '/v2/nvidia/cuda/manifests/13.0.3': answers.cuda ?? cuda,
    };
    const { code, stdout, stderr } = await pin();

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/; nothing was changed\n$/);
    expect(await readFile(dockerfile, 'utf8')).toBe(text());
  });

  it('needs a registry that gives tokens to everybody', async () => {
    challenge = 'Basic realm="private"';

    expect((await pin()).stderr).toContain('expected a registry that everybody may read');
  });

  it('finds the base images of the worker’s Dockerfile', async () => {
    const lines = (await readFile(join(repositoryRoot, 'functions/worker/Dockerfile'), 'utf8')).split('\n');
    const images = lines.flatMap((line) => /^ARG \w+_IMAGE=(\S+)$/.exec(line)?.[1] ?? []).map(parseImage);

    expect(images.map(({ registry: host, repository }) => `${host} ${repository}`)).toEqual([
      'public.ecr.aws docker/library/node',
      'nvcr.io nvidia/cuda',
    ]);
  });
});
