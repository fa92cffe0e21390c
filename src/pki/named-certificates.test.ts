import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueCertificate, type KeyPair } from './certificate.ts';
import { judgeNamedCertificate, type GivenFiles } from './named-certificates.ts';

const now = Date.UTC(2027, 4, 1);
const dayMs = 86_400_000;
const common = { notBeforeMs: 0, notAfterMs: now + 90 * dayMs, serial: Uint8Array.of(5) };
const authority = issueCertificate({ ...common, subject: { commonName: 'Corp CA' }, use: 'authority' });
const make = (names: readonly string[], more: Partial<Parameters<typeof issueCertificate>[0]> = {}): KeyPair =>
  issueCertificate({ ...common, subject: { commonName: 'x' }, use: 'serving', names, issuer: authority, ...more });
const judge = (files: GivenFiles, names: readonly string[] = []) =>
  judgeNamedCertificate(
    { certificatePath: '/c.crt', keyPath: '/c.key', names },
    files,
    now,
    (name) => name !== 'localhost',
  );

test('without names it is for the DNS names in it; with names for those', () => {
  const pair = make(['api.corp.example', '*.corp.example', '192.0.2.1']);
  const judged = judge(pair);
  assert.ok('usable' in judged);
  assert.deepEqual(judged.usable.names, ['api.corp.example', '*.corp.example']);
  assert.equal(judged.warning, undefined);
  assert.equal(judged.usable.authoritiesPem, '', 'the system has its authority');
  const narrowed = judge(pair, ['API.corp.example']);
  assert.ok('usable' in narrowed);
  assert.deepEqual(narrowed.usable.names, ['api.corp.example']);
});

test('a kubeconfig trusts a self-signed one itself', () => {
  const pair = make(['api.corp.example'], { issuer: undefined });
  const judged = judge(pair);
  assert.ok('usable' in judged);
  assert.equal(judged.usable.authoritiesPem, pair.certificatePem);
});

test('what cannot be used is told with file and reason', () => {
  const good = make(['api.corp.example']);
  const cases: readonly (readonly [GivenFiles, RegExp, string[]?])[] = [
    [{ unreadable: 'there is no file /c.crt' }, /\/c\.crt is not used: there is no file/],
    [{ ...good, certificatePem: 'hello' }, /holds no certificate in PEM form/],
    [{ ...good, keyPem: 'hello' }, /\/c\.key holds no private key/],
    [{ ...good, keyPem: authority.keyPem }, /\/c\.key is not its key/],
    [make(['api.corp.example'], { notAfterMs: now - dayMs }), /has expired on 2027-04-30/],
    [make(['api.corp.example', 'localhost']), /it is for localhost/],
    [good, /it is for localhost/, ['localhost']],
    [make(['192.0.2.1']), /no DNS name/],
  ];
  for (const [files, expected, names] of cases) {
    const judged = judge(files, names);
    assert.ok('problem' in judged, String(expected));
    assert.match(judged.problem, expected);
    assert.ok(!judged.problem.includes('PRIVATE'));
  }
});

test('one that ends soon, or does not cover its name, is used with a warning', () => {
  const late = judge(make(['api.corp.example'], { notAfterMs: now + 3 * dayMs }));
  assert.ok('usable' in late);
  assert.match(late.warning ?? '', /expires on 2027-05-04/);
  const other = judge(make(['api.corp.example']), ['www.corp.example']);
  assert.ok('usable' in other);
  assert.match(other.warning ?? '', /used for www\.corp\.example, which is not in it/);
});
