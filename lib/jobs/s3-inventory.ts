import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { ManifestPicture } from '../contracts/job.ts';
import { mayBePicture } from '../contracts/keys.ts';
import { decodeFormKey, quotedEtag } from '../contracts/s3-notification.ts';
import { ImageGptError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** A file is no S3 Inventory, or the inventory is damaged or in an unsupported format. */
class InventoryError extends ImageGptError {}

/** manifest.json of an S3 Inventory, as AWS documents it. */
const inventoryManifest = z.object({
  sourceBucket: z.string().min(1),
  destinationBucket: z.string().regex(/^arn:[^:]*:s3:::.+$/, 'expected the ARN of a bucket'),
  fileFormat: z.string(),
  fileSchema: z.string(),
  files: z.array(z.object({ key: z.string(), MD5checksum: z.string() })),
});

interface Inventory {
  /** The bucket whose objects it lists. */
  bucket: string;
  /** The listed objects in the order of the files: current versions only, without folder markers and outcomes. */
  pictures(): AsyncGenerator<ManifestPicture>;
}

interface InventoryReading {
  /** Name of the manifest, for error messages. */
  name: string;
  openBucket: (bucket: string) => Promise<ObjectStore>;
  /** Rows of a Parquet file. */
  readParquet: (bytes: Uint8Array, columns: readonly string[]) => AsyncIterable<Readonly<Record<string, unknown>>>;
}

/** One row of the inventory. Parquet has types, CSV only text. */
type Listed = Readonly<Record<string, unknown>>;

/**
 * Opens an S3 Inventory from the content of its manifest.json. Its files (CSV or Parquet) are read one at a time and
 * checked against their MD5.
 *
 * @throws {InventoryError}
 */
export async function openInventory(manifest: Uint8Array, reading: InventoryReading): Promise<Inventory> {
  const { name, openBucket, readParquet } = reading;
  const { sourceBucket, destinationBucket, fileFormat, fileSchema, files } = parseManifest(manifest, name);
  if (fileFormat !== 'CSV' && fileFormat !== 'Parquet') {
    throw new InventoryError(
      'inventory_unsupported',
      `Expected an inventory in CSV or Parquet, but ${name} is in ${fileFormat}: configure the inventory in one of them.`,
    );
  }
  const schemaColumns = fileSchema.split(',').map((column) => column.trim());
  const store = await openBucket(destinationBucket.split(':::')[1] ?? '');
  return {
    bucket: sourceBucket,
    async *pictures() {
      for (const file of files) {
        const bytes = await readFile(store, file, name);
        const rows =
          fileFormat === 'CSV'
            ? csvRows(bytes, schemaColumns, file.key)
            : readParquet(bytes, Object.values(parquetColumns));
        for await (const object of rows) {
          const picture = pictureOf(object, fileFormat === 'CSV' ? csvColumns : parquetColumns, fileFormat === 'CSV');
          if (picture !== undefined) yield picture;
        }
      }
    },
  };
}

const csvColumns = { key: 'Key', etag: 'ETag', size: 'Size', latest: 'IsLatest', deleted: 'IsDeleteMarker' };

const parquetColumns = { key: 'key', etag: 'e_tag', size: 'size', latest: 'is_latest', deleted: 'is_delete_marker' };

/** Undefined for an old version, a deleted object, a folder marker or an outcome. */
function pictureOf(object: Listed, columns: typeof csvColumns, encoded: boolean): ManifestPicture | undefined {
  const text = (column: string): string | undefined => {
    const value = object[column];
    return value === undefined || value === null || value === '' ? undefined : String(value);
  };
  const listedKey = text(columns.key);
  const key = listedKey !== undefined && encoded ? decodeFormKey(listedKey) : listedKey;
  if (key === undefined)
    throw new InventoryError(
      'inventory_damaged',
      `Expected a key in each row of the inventory, received ${JSON.stringify(listedKey)}.`,
    );
  if (text(columns.latest) === 'false' || text(columns.deleted) === 'true') return undefined;
  // An inventory may be without sizes.
  if (!mayBePicture({ key, size: Number(text(columns.size) ?? Number.NaN) })) return undefined;
  const etag = text(columns.etag);
  return { key, etag: etag === undefined ? null : quotedEtag(etag) };
}

function parseManifest(bytes: Uint8Array, name: string): z.infer<typeof inventoryManifest> {
  try {
    return inventoryManifest.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new InventoryError(
      'inventory_damaged',
      `Expected ${name} to be the manifest.json of an S3 Inventory (sourceBucket, destinationBucket, fileFormat, fileSchema, files), but it is not: name another source.`,
      { cause },
    );
  }
}

async function readFile(store: ObjectStore, { key, MD5checksum }: { key: string; MD5checksum: string }, name: string) {
  const read = await store.get(key);
  const md5 = read.status === 'found' ? createHash('md5').update(read.body).digest('hex') : undefined;
  if (read.status !== 'found' || md5 !== MD5checksum.toLowerCase()) {
    throw new InventoryError(
      'inventory_damaged',
      `Expected ${key} with the MD5 in ${name}, but ${md5 === undefined ? 'it does not exist' : 'its content differs'}: use a complete inventory.`,
    );
  }
  return read.body;
}

/** Rows of a gzipped CSV without a header. Values are quoted; quotes within them are doubled. */
async function* csvRows(bytes: Uint8Array, columns: readonly string[], key: string): AsyncGenerator<Listed> {
  const unpacked = Readable.from([bytes]).pipe(createGunzip());
  try {
    for await (const line of createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      const values = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? plain : quoted.replaceAll('""', '"'),
      );
      yield Object.fromEntries(columns.map((column, i) => [column, values[i]]));
    }
  } catch (cause) {
    const message = `Expected ${key} to be gzipped, but it cannot be unpacked: use a complete inventory.`;
    throw new InventoryError('inventory_damaged', message, { cause });
  }
}
