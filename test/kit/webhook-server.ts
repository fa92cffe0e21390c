// A webhook server in the test's own process, on loopback: HTTPS with a certificate that the test's API server is told to
// trust. What it answers is the test's; what it was asked is kept.
import { once } from 'node:events';
import https from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OutgoingConnections } from '#host/outgoing-connector.ts';
import { issueCertificate } from '#pki/certificate.ts';
import type { Json } from './start-api-server.ts';

export interface WebhookServer {
  readonly port: number;
  /** Base64, for clientConfig. */
  readonly caBundle: string;
  readonly outgoing: OutgoingConnections;
  /** Bodies, oldest first, with the path that they came to. */
  readonly asked: { readonly path: string; readonly body: Json }[];
  url(path: string): string;
  close(): void;
}

/** Undefined: `answer` has been or will be written by the handler itself. */
export type WebhookHandler = (path: string, body: Json, answer: ServerResponse) => unknown;

let keys: { readonly authority: string; readonly certificatePem: string; readonly keyPem: string } | undefined;
/** One for all tests of a process: making keys takes time. */
function servingKeys() {
  if (keys !== undefined) return keys;
  const common = { notBeforeMs: 0, notAfterMs: Date.UTC(2099, 0) };
  const authority = issueCertificate({
    ...common,
    subject: { commonName: 'webhook-authority' },
    use: 'authority',
    serial: Uint8Array.of(1),
  });
  const serving = issueCertificate({
    ...common,
    subject: { commonName: 'webhook' },
    use: 'serving',
    names: ['127.0.0.1'],
    serial: Uint8Array.of(2),
    issuer: authority,
  });
  keys = { authority: authority.certificatePem, certificatePem: serving.certificatePem, keyPem: serving.keyPem };
  return keys;
}

export async function startWebhookServer(handler: WebhookHandler): Promise<WebhookServer> {
  const { authority, certificatePem, keyPem } = servingKeys();
  const asked: { path: string; body: Json }[] = [];
  const server = https.createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    const parts: Uint8Array[] = [];
    request.on('data', (part: Uint8Array) => void parts.push(part));
    request.on('end', () => {
      const path = request.url ?? '';
      const body: Json = JSON.parse(Buffer.concat(parts).toString('utf8'));
      asked.push({ path, body });
      const result = handler(path, body, response);
      if (result !== undefined) response.end(typeof result === 'string' ? result : JSON.stringify(result));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outgoing = new OutgoingConnections();
  return {
    port,
    caBundle: Buffer.from(authority).toString('base64'),
    outgoing,
    asked,
    url: (path) => `https://127.0.0.1:${port}${path}`,
    close() {
      outgoing.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The AdmissionReview that answers `body`. */
export const reviewed = (body: Json, response: object = {}): Json => ({
  kind: 'AdmissionReview',
  apiVersion: body.apiVersion,
  response: { uid: body.request.uid, allowed: true, ...response },
});

export const reviewedPatch = (body: Json, operations: unknown): Json =>
  reviewed(body, {
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  });
