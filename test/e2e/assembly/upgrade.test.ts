// The data directories of whole control planes of earlier versions: today's starts on them, with everything that was in them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { clusterNames, readCluster, unpackCluster } from '../../upgrade/fixture.ts';
import { everything } from './every-object.ts';
import { ask, cli, freePort, start, temporary, waitReady } from './microshift-process.ts';

const isOurs =
  /^((clusterroles|priorityclasses|namespaces) |customresourcedefinitions \/things\.|configmaps .*\/(kube-root-ca\.crt|extension-apiserver-authentication)$|(endpoints|endpointslices|services) (default\/kubernetes|openshift-))/;

/** Its deadline may have passed since. */
const hasProgress = /^deployments /;

for (const name of clusterNames()) {
  const fixture = readCluster(name);
  test(`a control plane of ${name} (${fixture.commit}) goes on as today's`, async (context) => {
    const dataDirectory = path.join(temporary(context), 'data');
    unpackCluster(fixture, dataDirectory);
    const authority = readFileSync(path.join(dataDirectory, 'certs/kube-apiserver-to-kubelet-signer/ca.crt'), 'utf8');
    const run = start(context, dataDirectory, await freePort(), [], { MICROSHIFT_NODENAME: 'edge-1' });
    waitReady(dataDirectory);
    const now = await everything(dataDirectory);
    const written: string[] = [];
    for (const { resource, object } of fixture.objects) {
      const { uid, namespace = '', resourceVersion, creationTimestamp } = object.metadata;
      const id = `${resource} ${namespace}/${object.metadata.name}`;
      // They last for an hour.
      if (resource.startsWith('events')) continue;
      const found = now.get(uid!)?.object;
      assert.ok(found !== undefined, `${id} is gone`);
      assert.equal(found.metadata.creationTimestamp, creationTimestamp, id);
      if (found.metadata.resourceVersion === resourceVersion) assert.deepEqual(found, object, id);
      else if (hasProgress.test(id)) {
        assert.deepEqual({ ...found, status: 0, metadata: 0 }, { ...object, status: 0, metadata: 0 }, id);
        assert.equal(found.metadata.generation, object.metadata.generation, id);
      } else if (!isOurs.test(id)) written.push(id);
    }
    assert.deepEqual(written, [], 'nothing but what MicroShift keeps as this version wants it');
    const secret = await ask(dataDirectory, 'GET', '/api/v1/namespaces/kept/secrets/kept');
    assert.match(secret.text, /"a":"aGlkZGVu"/);
    assert.equal(cli(dataDirectory, 'status').status, 0);
    assert.equal(
      readFileSync(path.join(dataDirectory, 'certs/kube-apiserver-to-kubelet-signer/ca.crt'), 'utf8'),
      authority,
      'clients that trust it go on',
    );
    run.child.kill('SIGTERM');
    assert.equal(await run.exited, 0);
  });
}
