// OCI image archives on disk: which images they hold, and bringing them into a runtime. CRI has no call for that, so the
// runtime's own tool does it; once for each image, at the first start.
import { execFile } from 'node:child_process';
import { createReadStream, existsSync, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

export interface ImageArchives {
  /** Full paths of the archives (`*.tar`) in a directory, in order of name; empty when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** Another text whenever the archive was written. */
  stamp(archive: string): Promise<string>;
  /** Calls `onChange` once the directory was quiet again after a change; nothing where there is no such directory. */
  watch(directory: string, onChange: () => void): Disposable;
  /** Names with tag of the images in an OCI archive. */
  namesIn(archive: string): Promise<readonly string[]>;
  /** Throws with the tool's words when the runtime refuses. */
  import(archive: string): Promise<void>;
  /** Gives an image that the runtime has a second name. */
  tag(image: string, name: string): Promise<void>;
}

export interface RuntimeSocket {
  readonly kind: 'containerd' | 'cri-o';
  readonly path: string;
}

const importTimeoutMs = 300_000;
/** So long nothing is written any more to an archive that is copied in. */
const quietMs = 1_000;
const indexBytesMax = 4 * 1024 * 1024;

export const linuxImageArchives = (socket: () => RuntimeSocket): ImageArchives => ({
  async list(directory) {
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((name) => name.endsWith('.tar'))
      .toSorted()
      .map((name) => path.join(directory, name));
  },
  async stamp(archive) {
    const { size, mtimeMs, ino } = await stat(archive);
    return `${size} ${mtimeMs} ${ino}`;
  },
  watch(directory, onChange) {
    if (!existsSync(directory)) return { [Symbol.dispose]: () => undefined };
    let timer: NodeJS.Timeout | undefined;
    const watcher = watch(directory, { persistent: false }, () => {
      clearTimeout(timer);
      timer = setTimeout(onChange, quietMs).unref();
    });
    // The directory was removed: there is nothing more to tell.
    watcher.on('error', () => watcher.close());
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        watcher.close();
      },
    };
  },
  async namesIn(archive) {
    return imageNames(await readIndex(archive));
  },
  async import(archive) {
    const { kind, path: socketPath } = socket();
    if (kind === 'containerd')
      await command('ctr', ['--address', socketPath, '--namespace', 'k8s.io', 'images', 'import', archive]);
    else
      for (const name of await this.namesIn(archive))
        await command('skopeo', ['copy', '--quiet', `oci-archive:${archive}:${name}`, `containers-storage:${name}`]);
  },
  async tag(image, name) {
    const { kind, path: socketPath } = socket();
    if (kind === 'containerd')
      await command('ctr', ['--address', socketPath, '--namespace', 'k8s.io', 'images', 'tag', '--force', image, name]);
    else await command('skopeo', ['copy', '--quiet', `containers-storage:${image}`, `containers-storage:${name}`]);
  },
});

/** The archive's index.json. */
async function readIndex(archive: string): Promise<unknown> {
  const { extract } = await import('tar-stream');
  const unpack = extract();
  const stream = createReadStream(archive);
  stream.on('error', (error) => unpack.destroy(error));
  stream.pipe(unpack);
  try {
    for await (const entry of unpack) {
      if (entry.header.name !== 'index.json') {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > indexBytesMax)
        throw new Error(`${archive}: index.json is larger than ${indexBytesMax} bytes`);
      let text = '';
      for await (const chunk of entry) text += String(chunk);
      return JSON.parse(text) as unknown;
    }
  } finally {
    stream.destroy();
  }
  throw new Error(`${archive} is not an OCI image archive: it has no index.json`);
}

/** From the annotations that containerd and skopeo write and read (OCI image layout, `org.opencontainers.image.ref.name`). */
function imageNames(index: unknown): readonly string[] {
  const manifests =
    typeof index === 'object' && index !== null && 'manifests' in index && Array.isArray(index.manifests)
      ? (index.manifests as unknown[])
      : [];
  return manifests.flatMap((manifest) => {
    const annotations =
      typeof manifest === 'object' && manifest !== null && 'annotations' in manifest
        ? (manifest.annotations as Readonly<Record<string, unknown>>)
        : {};
    const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
    return typeof name === 'string' ? [name] : [];
  });
}

const command = (name: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(name, [...args], { timeout: importTimeoutMs, maxBuffer: 1024 * 1024 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${name}: ${stderr.trim() === '' ? error.message : stderr.trim()}`, { cause: error }));
    });
  });
