// Registries for the tests: Debian's docker-registry with TLS and a login, and one of our own that refuses, hangs, cuts and lies.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { extract } from 'tar-stream';
import { buildImage, type ImageFile } from '../../../scripts/images/build-image.ts';
import { busyboxImage } from '../../../scripts/images/stock-images.ts';

export const login = { username: 'pod', password: 'secret-of-the-test' };
/** bcrypt of the password above, as htpasswd -B makes it. */
const passwordHash = '$2y$05$KgEmIDuwnG.ebAqiia9h3egFXVNfCeHogkkuK73na9kc7.m9mOI1K';

export const basic = ({ username, password } = login): string =>
  Buffer.from(`${username}:${password}`).toString('base64');
/** As `podman login` and `kubectl create secret docker-registry` write it. */
export const authFile = (address: string, who = login): string =>
  JSON.stringify({ auths: { [address]: { auth: basic(who) } } });

export interface ImageParts {
  readonly manifest: Buffer;
  readonly digest: string;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Digest of the one layer. */
  readonly layer: string;
}

/** An image with a file of its own, so that no two share a layer; `runs`: with a shell in it. */
export async function testImage(mark: string, runs = true, bytes = 0): Promise<ImageParts> {
  const own: ImageFile[] = [{ path: '/mark', content: mark.padEnd(1, ' ') }];
  if (bytes > 0) {
    // Incompressible, and the same in every run.
    const blocks = Array.from({ length: bytes / 32 }, (_, index) =>
      createHash('sha256').update(`${mark}${index}`).digest(),
    );
    own.push({ path: '/large', content: Buffer.concat(blocks) });
  }
  const base = busyboxImage();
  const archive = await buildImage({ ...base, name: 'test/image:1', files: [...(runs ? base.files : []), ...own] });
  const files = new Map<string, Buffer>();
  const unpack = extract();
  unpack.end(archive);
  for await (const entry of unpack) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  const index = JSON.parse(String(files.get('index.json'))) as { manifests: [{ digest: string }] };
  const { digest } = index.manifests[0];
  const blob = (one: string) => files.get(`blobs/${one.replace(':', '/')}`)!;
  const manifest = blob(digest);
  const { config, layers } = JSON.parse(String(manifest)) as {
    config: { digest: string };
    layers: [{ digest: string }];
  };
  const [layer] = layers;
  return {
    manifest,
    digest,
    layer: layer.digest,
    blobs: new Map([config.digest, layer.digest].map((one) => [one, blob(one)])),
  };
}

export interface TestRegistry {
  readonly address: string;
  readonly authority: string;
  push(repository: string, tag: string, image: ImageParts): Promise<void>;
  stop(): void;
}

/** Debian's docker-registry on an address of the loopback. */
export async function startDockerRegistry(directory: string, port: number): Promise<TestRegistry> {
  mkdirSync(path.join(directory, 'data'), { recursive: true });
  const address = `127.0.0.1:${port}`;
  const at = (name: string) => path.join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test CA');
  openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=registry');
  writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1\n');
  const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'extensions'];
  openssl('x509', '-req', '-in', 'tls.csr', ...sign, '-out', 'tls.crt');
  writeFileSync(at('htpasswd'), `${login.username}:${passwordHash}\n`);
  writeFileSync(
    at('config.yml'),
    JSON.stringify({
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: at('data') } },
      auth: { htpasswd: { realm: 'test', path: at('htpasswd') } },
      http: { addr: address, tls: { certificate: at('tls.crt'), key: at('tls.key') } },
    }),
  );
  const registry = spawn('docker-registry', ['serve', at('config.yml')], { stdio: 'ignore' });
  const ca = readFileSync(at('ca.crt'));
  const call = (method: string, url: string, body?: Buffer, type = 'application/octet-stream') =>
    new Promise<{ status: number; location: string }>((resolve, reject) => {
      const headers = { authorization: `Basic ${basic()}`, 'content-type': type, 'content-length': body?.length ?? 0 };
      request(new URL(url, `https://${address}`), { method, ca, headers, agent: false }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' }));
      })
        .on('error', reject)
        .end(body);
    });
  for (let tries = 0; ; tries++) {
    try {
      if ((await call('GET', '/v2/')).status === 200) break;
    } catch (error) {
      if (tries > 100) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address,
    authority: at('ca.crt'),
    async push(repository, tag, { manifest, blobs }) {
      const expect = (what: string, { status }: { status: number }) => {
        if (status !== 201) throw new Error(`pushing ${what} to ${repository}: ${status}`);
      };
      for (const [digest, content] of blobs) {
        const { location } = await call('POST', `/v2/${repository}/blobs/uploads/`);
        const join = location.includes('?') ? '&' : '?';
        expect(digest, await call('PUT', `${location}${join}digest=${digest}`, content));
      }
      const type = 'application/vnd.oci.image.manifest.v1+json';
      expect(tag, await call('PUT', `/v2/${repository}/manifests/${tag}`, manifest, type));
    },
    stop: () => void registry.kill('SIGKILL'),
  };
}

export interface FaultyRegistry {
  readonly address: string;
  /** Requests for layers so far, with their Range. */
  readonly layerRequests: string[];
  close(): void;
}

/** Plain HTTP, for anyone. The first part of a repository says what goes wrong. */
export async function startFaultyRegistry(images: ReadonlyMap<string, ImageParts>): Promise<FaultyRegistry> {
  const layerRequests: string[] = [];
  const cutOnce = new Set<string>();
  const send = (
    response: ServerResponse,
    body: Buffer,
    headers: Readonly<Record<string, string>>,
    withBody: boolean,
  ) => {
    response.writeHead(200, { 'content-length': String(body.length), ...headers });
    response.end(withBody ? body : undefined);
  };
  const server = createServer((message, response) => {
    const match = /^\/v2\/([a-z-]+?)(?:-(\d{3}))?\/app\/(manifests|blobs)\/(.+)$/.exec(message.url ?? '');
    if (match === null) return void response.writeHead(message.url === '/v2/' ? 200 : 404).end();
    const [, fault, status, what, reference] = match;
    const image = images.get(fault!);
    const withBody = message.method !== 'HEAD';
    if (status !== undefined) {
      const body = Buffer.from(JSON.stringify({ errors: [{ code: 'DENIED', message: `told to answer ${status}` }] }));
      response.writeHead(Number(status), { 'content-type': 'application/json', 'content-length': body.length });
      return void response.end(withBody ? body : undefined);
    }
    if (image === undefined) return void response.writeHead(404).end();
    if (what === 'manifests') {
      if (fault === 'hang') return;
      const type = {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
        'docker-content-digest': image.digest,
      };
      // One that says a digest and sends other bytes.
      const body =
        fault === 'lying-manifest' ? Buffer.from(String(image.manifest).replace('gzip', 'gzIp')) : image.manifest;
      return send(response, body, type, withBody);
    }
    const blob = image.blobs.get(reference!);
    if (blob === undefined) return void response.writeHead(404).end();
    const headers = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' };
    if (reference !== image.layer) return send(response, blob, headers, withBody);
    layerRequests.push(`${fault} ${message.headers.range ?? 'whole'}`);
    if (fault === 'hanging-layer') {
      response.writeHead(200, { 'content-length': String(blob.length) });
      return void response.write(blob.subarray(0, 1_000));
    }
    if (fault === 'lying-layer') {
      const other = Buffer.from(blob);
      other[other.length - 20]! ^= 1;
      return send(response, other, headers, withBody);
    }
    if (fault === 'cut') {
      const from = Number(/^bytes=(\d+)-/.exec(message.headers.range ?? '')?.[1] ?? 0);
      if (!cutOnce.has(reference!)) {
        cutOnce.add(reference!);
        response.writeHead(200, { 'content-length': String(blob.length), ...headers });
        response.write(blob.subarray(0, blob.length / 2), () => response.socket?.destroy());
        return;
      }
      const rest = blob.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': String(rest.length),
        ...(from > 0 ? { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` } : {}),
        ...headers,
      });
      return void response.end(rest);
    }
    send(response, blob, headers, withBody);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    layerRequests,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
