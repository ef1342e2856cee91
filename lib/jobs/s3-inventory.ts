import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { ManifestPicture } from '../contracts/job.ts';
import { decodeFormKey, quotedEtag } from '../contracts/s3-notification.ts';
import { ImageGptError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** An S3 Inventory is not one, damaged, or in a form that is not read. */
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
  /** The bucket that it lists. */
  bucket: string;
  /** Objects as they were listed, in the order of the files: current versions, without folder markers. */
  pictures(): AsyncGenerator<ManifestPicture>;
}

interface InventoryReading {
  /** For words. */
  name: string;
  openBucket: (bucket: string) => Promise<ObjectStore>;
  /** Rows of a Parquet file. */
  readParquet: (bytes: Uint8Array, columns: readonly string[]) => AsyncIterable<Readonly<Record<string, unknown>>>;
}

/** One object in the inventory; Parquet has types, CSV only text. */
type Listed = Readonly<Record<string, unknown>>;

/**
 * Opens an S3 Inventory by the content of its manifest.json. Its files, CSV or Parquet, are read one after the other
 * and checked against their MD5.
 *
 * @throws {InventoryError}
 */
export async function openInventory(manifest: Uint8Array, reading: InventoryReading): Promise<Inventory> {
  const { name, openBucket, readParquet } = reading;
  const { sourceBucket, destinationBucket, fileFormat, fileSchema, files } = parseManifest(manifest, name);
  if (fileFormat !== 'CSV' && fileFormat !== 'Parquet') {
    throw new InventoryError(
      'inventory_unsupported',
      `Expected an inventory in CSV or Parquet, but ${name} is in ${fileFormat}.`,
    );
  }
  const store = await openBucket(destinationBucket.split(':::')[1] ?? '');
  return {
    bucket: sourceBucket,
    async *pictures() {
      for (const file of files) {
        const bytes = await readFile(store, file, name);
        const listed =
          fileFormat === 'CSV'
            ? csvRows(
                bytes,
                fileSchema.split(',').map((column) => column.trim()),
                file.key,
              )
            : readParquet(bytes, Object.values(parquetColumns));
        for await (const object of listed) {
          const picture = pictureOf(object, fileFormat === 'CSV' ? csvColumns : parquetColumns, fileFormat === 'CSV');
          if (picture !== undefined) yield picture;
        }
      }
    },
  };
}

const csvColumns = { key: 'Key', etag: 'ETag', size: 'Size', latest: 'IsLatest', deleted: 'IsDeleteMarker' };

const parquetColumns = { key: 'key', etag: 'e_tag', size: 'size', latest: 'is_latest', deleted: 'is_delete_marker' };

/** Undefined for what is no picture that can be read now. */
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
  if (key.endsWith('/') && text(columns.size) === '0') return undefined;
  const etag = text(columns.etag);
  return { key, etag: etag === undefined ? null : quotedEtag(etag) };
}

function parseManifest(bytes: Uint8Array, name: string): z.infer<typeof inventoryManifest> {
  try {
    return inventoryManifest.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new InventoryError(
      'inventory_damaged',
      `Expected ${name} to be the manifest.json of an S3 Inventory (sourceBucket, destinationBucket, fileFormat, fileSchema, files), but it is not.`,
      { cause },
    );
  }
}

async function readFile(store: ObjectStore, { key, MD5checksum }: { key: string; MD5checksum: string }, name: string) {
  const read = await store.get(key);
  const came = read.status === 'found' ? createHash('md5').update(read.body).digest('hex') : undefined;
  if (read.status !== 'found' || came !== MD5checksum.toLowerCase()) {
    throw new InventoryError(
      'inventory_damaged',
      `Expected ${key} with the MD5 that ${name} tells, but ${came === undefined ? 'it is not there' : 'it is another file'}.`,
    );
  }
  return read.body;
}

/** Rows of a gzipped CSV without a header: every value in quotes, quotes within doubled. */
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
    throw new InventoryError('inventory_damaged', `Expected ${key} to be packed by gzip, but it cannot be unpacked.`, {
      cause,
    });
  }
}
