import { createHash } from 'node:crypto';
import { z } from 'zod';

/** An image as a registry knows it. */
export interface ImageName {
  /** Host, with a port if it has one. */
  registry: string;
  repository: string;
  tag: string;
}

/**
 * Parses `registry/repository:tag`, with or without a digest behind it. Without a registry it is Docker Hub's, as for
 * Docker: the first part is a host only if it has a dot or a colon, or is localhost.
 */
export function parseImage(image: string): ImageName {
  const [, name = '', tag = ''] = /^([^@]+?):([\w][\w.-]{0,127})(?:@sha256:[0-9a-f]{64})?$/.exec(image) ?? [];
  const [first = '', ...rest] = name.split('/');
  if (tag === '' || name === '') throw new RangeError(`Expected an image with its tag, received ${image}.`);
  if (rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')) {
    if (first !== 'docker.io') return { registry: first, repository: rest.join('/'), tag };
    return { registry: dockerHub, repository: rest.length === 1 ? `library/${rest[0]}` : rest.join('/'), tag };
  }
  return { registry: dockerHub, repository: rest.length === 0 ? `library/${name}` : name, tag };
}

const dockerHub = 'registry-1.docker.io';

/** Types of manifests: of one image, or an index of images by platform. */
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Registries accept manifests of up to 4 MiB. Source: OCI Distribution Specification, "Pushing Manifests". */
const maxManifestBytes = 4 * 1024 ** 2;

/** For one request (milliseconds). */
const timeoutMs = 30_000;

const index = z.object({
  manifests: z
    .array(z.object({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }))
    .optional(),
});

/**
 * Asks the image's registry for the digest of its tag (`sha256:<64 hex>`), without a login. The digest is computed from
 * the manifest itself; a registry's own header must agree.
 *
 * Source: OCI Distribution Specification, "Pulling Manifests"; Distribution's "Token Authentication Specification".
 *
 * @throws {Error} naming the image, when its registry does not answer, refuses it, or has none for linux/amd64
 */
export async function readDigest(image: string): Promise<string> {
  const { registry, repository, tag } = parseImage(image);
  // As Docker does: without TLS on this machine only.
  const scheme = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(registry) ? 'http' : 'https';
  const url = `${scheme}://${registry}/v2/${repository}/manifests/${tag}`;
  const headers = { accept: manifestTypes.join(', ') };
  let response = await ask(url, headers, image);
  if (response.status === 401) {
    const token = await anonymousToken(response.headers.get('www-authenticate') ?? '', repository, image);
    response = await ask(url, { ...headers, authorization: `Bearer ${token}` }, image);
  }
  if (!response.ok) throw new Error(`${image}: expected its manifest, the registry answers ${response.status}`);
  const body = Buffer.from(await response.arrayBuffer());
  if (body.length > maxManifestBytes)
    throw new Error(`${image}: expected a manifest of up to 4 MiB, received ${body.length} bytes`);
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  const told = response.headers.get('docker-content-digest') ?? digest;
  if (told !== digest) throw new Error(`${image}: expected the manifest ${told}, received ${digest}; try again`);
  checkPlatform(body, image);
  return digest;
}

function ask(url: string, headers: Record<string, string>, image: string): Promise<Response> {
  return fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    throw new Error(`${image}: its registry does not answer`, { cause: error });
  });
}

/** Everybody may have a token for a public image. NVIDIA's registry names no service, and ECR Public no repository. */
async function anonymousToken(challenge: string, repository: string, image: string): Promise<string> {
  const parts = new Map(Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, key = '', value = '']) => [key, value]));
  const realm = parts.get('realm');
  if (!/^bearer /i.test(challenge) || realm === undefined) {
    throw new Error(`${image}: expected a registry that everybody may read, received the challenge "${challenge}"`);
  }
  const url = new URL(realm);
  const service = parts.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', parts.get('scope') ?? `repository:${repository}:pull`);
  const response = await ask(url.href, {}, image);
  if (!response.ok)
    throw new Error(`${image}: expected a token without a login, the registry answers ${response.status}`);
  const tokens = z.object({ token: z.string().optional(), access_token: z.string().optional() });
  const { token, access_token: other = token } = tokens.parse(await response.json());
  if (other === undefined) throw new Error(`${image}: expected a token without a login, received none`);
  return other;
}

/** The stack's image is for linux/amd64. A manifest that is no index names its platform elsewhere. */
function checkPlatform(body: Buffer, image: string): void {
  const { manifests } = index.parse(JSON.parse(body.toString()));
  const fits = manifests?.some(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ?? true;
  if (!fits) throw new Error(`${image}: expected an image for linux/amd64, its index has none`);
}
