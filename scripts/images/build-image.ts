// Builds an OCI image archive (for `ctr images import`, `skopeo copy oci-archive:`) from files of this machine, without a
// registry, a daemon or any tool. One layer; the same input gives the same bytes.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export type ImageFile =
  | { readonly path: string; readonly from: string; readonly mode?: number }
  | { readonly path: string; readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly symlink: string }
  | { readonly path: string; readonly directory: true; readonly mode?: number };

export interface ImageDescription {
  /** Full name with tag, such as `localhost/microshift/pause:1`. */
  readonly name: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly exposedPorts?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Parents are made as needed. */
  readonly files: readonly ImageFile[];
  /** Node's names (`x64`, `arm64`); default: this machine's. */
  readonly architecture?: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const epoch = new Date(0);
const ociArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly body?: Uint8Array;
  readonly linkname?: string;
}

async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    archive.on('data', (chunk) => void chunks.push(chunk as Buffer));
    archive.on('end', resolve);
    archive.on('error', reject);
  });
  for (const { name, type, mode, body, linkname } of entries)
    archive.entry(
      { name, type, mode, mtime: epoch, uid: 0, gid: 0, ...(linkname === undefined ? {} : { linkname }) },
      Buffer.from(body ?? []),
    );
  archive.finalize();
  await done;
  return Buffer.concat(chunks);
}

function layerEntries(files: readonly ImageFile[]): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  const addParents = (name: string) => {
    const parts = name.split('/').slice(0, -1);
    for (let length = 1; length <= parts.length; length++) {
      const directory = parts.slice(0, length).join('/');
      if (!entries.has(directory)) entries.set(directory, { name: `${directory}/`, type: 'directory', mode: 0o755 });
    }
  };
  for (const file of files) {
    const name = file.path.replace(/^\/+/, '').replace(/\/+$/, '');
    addParents(name);
    if ('symlink' in file) entries.set(name, { name, type: 'symlink', mode: 0o777, linkname: file.symlink });
    else if ('directory' in file) entries.set(name, { name: `${name}/`, type: 'directory', mode: file.mode ?? 0o755 });
    else if ('content' in file)
      entries.set(name, { name, type: 'file', mode: file.mode ?? 0o644, body: Buffer.from(file.content) });
    else
      entries.set(name, {
        name,
        type: 'file',
        mode: file.mode ?? lstatSync(file.from).mode & 0o7777,
        body: readFileSync(file.from),
      });
  }
  return [...entries.values()];
}

/** Every file and symbolic link below `directory`, to be put below `at`. */
export function filesBelow(directory: string, at: string): ImageFile[] {
  return readdirSync(directory, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry): ImageFile[] => {
      const from = path.join(directory, entry.name);
      const target = path.posix.join(at, entry.name);
      if (entry.isDirectory()) return [{ path: target, directory: true }, ...filesBelow(from, target)];
      if (entry.isSymbolicLink()) return [{ path: target, symlink: readlinkSync(from) }];
      return [{ path: target, from }];
    });
}

/** The bytes of an OCI image layout in one tar file. */
export async function buildImage(image: ImageDescription): Promise<Buffer> {
  const layer = await tar(layerEntries(image.files));
  const compressed = gzipSync(layer, { level: 6 });
  const architecture = ociArchitectures[image.architecture ?? process.arch];
  if (architecture === undefined) throw new Error(`unknown architecture ${String(image.architecture)}`);
  const config = Buffer.from(
    JSON.stringify({
      created: epoch.toISOString(),
      architecture,
      os: 'linux',
      config: {
        Env: image.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        ...(image.entrypoint === undefined ? {} : { Entrypoint: image.entrypoint }),
        ...(image.command === undefined ? {} : { Cmd: image.command }),
        ...(image.workingDirectory === undefined ? {} : { WorkingDir: image.workingDirectory }),
        ...(image.user === undefined ? {} : { User: image.user }),
        ...(image.labels === undefined ? {} : { Labels: image.labels }),
        ...(image.exposedPorts === undefined
          ? {}
          : { ExposedPorts: Object.fromEntries(image.exposedPorts.map((port) => [port, {}])) }),
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created: epoch.toISOString(), created_by: 'build-image' }],
    }),
  );
  const blob = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: `sha256:${sha256(bytes)}`,
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: blob('application/vnd.oci.image.config.v1+json', config),
      layers: [blob('application/vnd.oci.image.layer.v1.tar+gzip', compressed)],
    }),
  );
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          ...blob('application/vnd.oci.image.manifest.v1+json', manifest),
          platform: { architecture, os: 'linux' },
          annotations: { 'io.containerd.image.name': image.name, 'org.opencontainers.image.ref.name': image.name },
        },
      ],
    }),
  );
  const file = (name: string, body: Uint8Array): TarEntry => ({ name, type: 'file', mode: 0o644, body });
  const blobs = [...new Map([config, compressed, manifest].map((bytes) => [sha256(bytes), bytes]))];
  return tar([
    file('oci-layout', Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' }))),
    file('index.json', index),
    { name: 'blobs/', type: 'directory', mode: 0o755 },
    { name: 'blobs/sha256/', type: 'directory', mode: 0o755 },
    ...blobs.map(([digest, bytes]) => file(`blobs/sha256/${digest}`, bytes)),
  ]);
}
