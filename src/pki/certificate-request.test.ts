import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { certifyKey, issueCertificate } from './certificate.ts';
import { makeCertificateRequest, readCertificateRequest } from './certificate-request.ts';

/** Made with OpenSSL: RSA, two organizations' order, DNS name, both families of addresses. */
const rsaRequest = `-----BEGIN CERTIFICATE REQUEST-----
MIICtTCCAZ0CAQAwNDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRswGQYDVQQDDBJz
eXN0ZW06bm9kZTplZGdlLTIwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIB
AQDZ7WRLpmx6Cw0BpxOJxcC1K3pUwBAaVPB/GTaMaj0ur3Kh1zS/7IRkMpXdjAIU
r0yE1d0oH0ssaSw2cska/BwXeyQqvFs8Hcntgak5OmSZaLLM6+zmTukCjj35hm9y
G/1ut1Hh4Ujj/HXx3C73Lsvd3YuX5F0X2BJQS+IkUY/BgpFhKp9lDdR7vXTCVYIg
YmYgRbydmQ0IQ5oxaqVczHB9kZFcVo5ho+Nk45UN4WHsBHZCKTWoJqS8OgY1Z+Bc
7sBXpVpUkkj02yzwojnmWOITLx6USmQgJygsn/j5e7Z3JIgYSOdmwgjgyUyJcwuG
GV4K9cj+6vxwFy5AKZC8xueTAgMBAAGgPDA6BgkqhkiG9w0BCQ4xLTArMCkGA1Ud
EQQiMCCCBmVkZ2UtMocEwAACBYcQIAENuAAAAAAAAAAAAAAABTANBgkqhkiG9w0B
AQsFAAOCAQEAQH0hRc+ABobtAlT3BIld6tBgvrl4cC16DBpMYg9NII/N+Y/Qn9t2
p/o3ZGzqVzgSpTHwdfULNrE0JpD8ZnfsmtwPCx4XXqOf7OBYaSoD0sNvfnPcFgPT
X8q9rEfb3nMnDDEx+e3bHWkQJw8CjN+lBrBsRE0G5pKIl4y9qlEn51/V/ii2MtEN
K5W2JejY+zuR6b/iEB8pv5yRYJc7FIDF4+pGdEZgq975CDVgKVSrUpAxsWa2lrD9
7OQteK69FCCakVqaSkfrAmXCvQqjTddfPnMQQSH008hs9bNGbJIiHGLlmQhz8l9k
O16rWJfSYlKv7w6zd0R9E0wVPJfUebOYEQ==
-----END CERTIFICATE REQUEST-----`;
/** Made with OpenSSL: Ed25519, a country, an e-mail address. */
const ed25519Request = `-----BEGIN CERTIFICATE REQUEST-----
MIHNMIGAAgEAMCoxCzAJBgNVBAYTAkRFMQ0wCwYDVQQDDARqYW5lMQwwCgYDVQQK
DANkZXYwKjAFBgMrZXADIQBWBEGHlmHrT3TdwCr1RiucXiaFNTm5gk2U3kwroGEC
n6AjMCEGCSqGSIb3DQEJDjEUMBIwEAYDVR0RBAkwB4EFYUBiLmMwBQYDK2VwA0EA
jjdJNYxgiKNqNu9kjesPErxKykhpJl8j3Za/pw+4/d4u8H107BVhC2OzhuOBVb+z
xMVxsgvehb0HxIZlYBX0CA==
-----END CERTIFICATE REQUEST-----`;

test('requests of OpenSSL are read: RSA and Ed25519, subject, names, what is beyond them', () => {
  const { publicKeyInfo, ...read } = readCertificateRequest(rsaRequest);
  assert.deepEqual(read, {
    commonName: 'system:node:edge-2',
    organizations: ['system:nodes'],
    otherAttributes: [],
    dnsNames: ['edge-2'],
    addresses: ['192.0.2.5', '2001:db8:0:0:0:0:0:5'],
    emailAddresses: [],
    uris: [],
  });
  assert.equal(createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' }).asymmetricKeyType, 'rsa');
  const other = readCertificateRequest(ed25519Request);
  assert.deepEqual(
    [other.commonName, other.organizations, other.otherAttributes, other.emailAddresses, other.uris],
    ['jane', ['dev'], [{ identifier: '2.5.4.6', values: ['DE'] }], ['a@b.c'], []],
  );
});

test('an own request is read as it was made, and the certificate for it fits its key', () => {
  const subject = { commonName: 'system:node:edge-2', organizations: ['system:nodes'] };
  const made = makeCertificateRequest(subject, ['edge-2', '192.0.2.5', '2001:db8::5']);
  const read = readCertificateRequest(made.requestPem);
  assert.deepEqual([read.dnsNames, read.addresses], [['edge-2'], ['192.0.2.5', '2001:db8:0:0:0:0:0:5']]);
  const common = { notBeforeMs: 0, notAfterMs: Date.UTC(2040, 0), serial: Uint8Array.of(7) };
  const issuer = issueCertificate({ ...common, subject: { commonName: 'signer' }, use: 'authority' });
  const pem = certifyKey(
    { ...common, subject, use: 'serving', names: [...read.dnsNames, ...read.addresses], issuer },
    read.publicKeyInfo,
  );
  const certificate = new X509Certificate(pem);
  const key = createPublicKey(made.keyPem);
  assert.ok(certificate.publicKey.equals(key));
  assert.ok(certificate.verify(new X509Certificate(issuer.certificatePem).publicKey));
  assert.equal(certificate.checkIP('2001:db8::5'), '2001:db8::5');
});

test('what is cut short, altered, or no request is refused with the reason, never misread', () => {
  assert.throws(() => readCertificateRequest('hello'), /no PEM block/);
  const bytes = Buffer.from(rsaRequest.split('\n').slice(1, -1).join(''), 'base64');
  const wrap = (content: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${content.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  for (let length = 0; length < bytes.length; length += 7)
    assert.throws(() => readCertificateRequest(wrap(bytes.subarray(0, length))), Error, `${length} bytes`);
  // What is signed: behind the header, before the algorithm and 256 bytes of signature.
  for (let at = 4; at < bytes.length - 280; at += 3) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 0x55;
    assert.throws(() => readCertificateRequest(wrap(altered)), Error, `byte ${at}`);
  }
});
