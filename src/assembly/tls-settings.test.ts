import assert from 'node:assert/strict';
import { createSecureContext } from 'node:tls';
import { test } from 'node:test';
import { cipherSuites } from './config/check-api-server.ts';
import { tlsSettings } from './tls-settings.ts';

test('every suite that the configuration takes is one that OpenSSL has', () => {
  for (const suite of cipherSuites)
    assert.doesNotThrow(() => createSecureContext(tlsSettings({ minVersion: 'VersionTLS12', cipherSuites: [suite] })));
});

test('chosen suites are the only ones of TLS 1.2, beside the one that HTTP/2 demands; TLS 1.3 keeps its own', () => {
  assert.deepEqual(
    tlsSettings({ minVersion: 'VersionTLS12', cipherSuites: ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'] })
      .ciphers.split(':')
      .slice(3),
    ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  );
  assert.equal(tlsSettings({ minVersion: 'VersionTLS13', cipherSuites: [] }).ciphers.split(':').length, 3);
});
