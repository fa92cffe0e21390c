// Pages of docs/how-to as they are written: the commands in them run one after the other on a machine with real containers, and
// do what the page says. Commands that start MicroShift, join machines or need a terminal are in the tests that those pages name.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificateRequest } from '#pki/certificate-request.ts';
import { clientsDirectory } from '#kit/machine/clients.ts';
import { eventually } from '#kit/machine/command.ts';
import { Lan, LightMachine } from '#kit/machine/light-machine.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImage } from '../../../scripts/images/stock-images.ts';

const repository = path.resolve(import.meta.dirname, '../../..');
const address = '192.168.79.2';
const unique = `mp${process.pid % 10_000}`;
const images = mkdtempSync(path.join(tmpdir(), 'microshift-images-'));
let lan: Lan;
let machine: LightMachine;
let prelude: string;

const page = (name: string): string => readFileSync(path.join(repository, 'docs/how-to', `${name}.md`), 'utf8');
/** The blocks of commands of a page, in their order. */
const commands = (name: string, count: number): string[] => {
  const blocks = [...page(name).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((block) => block[1]!);
  assert.equal(blocks.length, count, `blocks of commands in ${name}.md`);
  return blocks;
};
const shell = (script: string): Promise<string> =>
  machine.succeed(['bash', '-ec', `${prelude}\n${script}`], { timeoutSeconds: 60 });
const status = async (): Promise<string> => (await machine.run(machine.microshift('status'))).stdout;

before(async () => {
  writeFileSync(path.join(images, 'pause.tar'), await buildImage(pauseImage()));
  writeFileSync(path.join(images, 'busybox.tar'), await buildImage(busyboxImage()));
  const clients = await clientsDirectory();
  lan = new Lan(`${unique}l`);
  machine = await LightMachine.boot({ name: unique, lan, address: `${address}/24`, images });
  const kubeconfig = '/var/lib/microshift/resources/kubeadmin/kubeconfig';
  prelude = `export KUBECONFIG=${kubeconfig}
kubectl() { ${path.join(clients, 'kubectl/kubectl')} --cache-dir ${machine.directory}/cache "$@"; }
microshift() { ${machine.microshift().join(' ')} "$@"; }
sudo() { "$@"; }`;
  // The page on certificates speaks of a machine with this name. /usr/lib is the host's: what is written there stays here.
  const [upper, work] = ['upper', 'work'].map((one) => path.join(machine.directory, one));
  mkdirSync(upper!);
  mkdirSync(work!);
  await machine.succeed([
    'sh',
    '-ec',
    `hostname edge-1; echo edge-1 > /etc/hostname
    mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=${upper},workdir=${work} /usr/lib`,
  ]);
  machine.start(machine.microshift('run'));
  await machine.succeed(machine.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
});
after(async () => {
  await machine?.[Symbol.asyncDispose]();
  lan?.[Symbol.dispose]();
  rmSync(images, { recursive: true });
});

test('manifests.md: a kustomization in /etc and one in /usr/lib are applied; what is missing is told in the words of the page', async () => {
  const [write] = commands('manifests', 1);
  await shell(write!);
  const told = /^ {2}(manifests: .*)$/m.exec(page('manifests'))![1]!;
  await eventually('status says what the page says', 15, async () =>
    (await status()).includes(told) ? true : undefined,
  );
  const applied = (command: string) =>
    eventually(command, 15, async () => {
      try {
        return await shell(command);
      } catch {
        return undefined;
      }
    });
  const map = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}`;
  await shell(`cat > /etc/microshift/manifests.d/shop/shop.yaml <<END
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
${map('plain')}
END
mkdir -p /usr/lib/microshift/manifests
echo 'resources: [base.yaml]' > /usr/lib/microshift/manifests/kustomization.yaml
printf '${map('base').replaceAll('\n', '\\n')}\\n' > /usr/lib/microshift/manifests/base.yaml`);
  await applied('kubectl -n shop get configmap plain');
  await applied('kubectl get configmap base');
  assert.match(
    await shell(`kubectl -n shop get configmaps -o jsonpath='{.items[*].data}'`),
    /\{"color":"red"\}/,
    'what the page generates',
  );
  await eventually('nothing is wrong', 15, async () =>
    (await status()).includes('Nothing is wrong') ? true : undefined,
  );
  const drop = '/etc/microshift/manifests.d/delete/shop';
  await shell(`mkdir -p ${drop}
printf 'namespace: shop\\nresources: [plain.yaml]\\n' > ${drop}/kustomization.yaml
printf '${map('plain').replaceAll('\n', '\\n')}\\n' > ${drop}/plain.yaml
rm -r /etc/microshift/manifests.d/shop
kubectl -n shop wait --for=delete configmap/plain --timeout=15s`);
});

test('load-balancers.md: the Service answers on the address of the node', async () => {
  const [block] = commands('load-balancers', 1);
  const [make, fetch] = block!.replace('NODE-ADDRESS', address).split(/(?=^curl)/m);
  const said = await shell(make!);
  assert.match(said, new RegExp(`web +LoadBalancer +\\S+ +${address.replaceAll('.', '\\.')} +8081:`));
  const name = await eventually('an answer', 15, () => shell(fetch!.replace('curl', 'curl -sf --max-time 2')));
  assert.match(name, /^web-\w+-\w+\n$/);
});

test('resource-usage.md: the node, its Pods and their containers', async () => {
  const [block] = commands('resource-usage', 1);
  await eventually('the Pod has two readings', 20, async () =>
    (await machine.run(['bash', '-c', `${prelude}\nkubectl top pod -l app=web`])).code === 0 ? true : undefined,
  );
  const said = await shell(block!);
  assert.match(said, /^edge-1 +\d+m +\d+% +\d+Mi +\d+%/m);
  assert.match(said, /^web-\S+ +busybox +\d+m +\d+Mi/m);
  assert.match(said, /"kind":"NodeMetricsList"/);
});

test('service-certificates.md: a certificate, the bundle, a new authority', async () => {
  const [ask, trust, again, rotate] = commands('service-certificates', 4);
  // The Service of the page before has the same name.
  await shell('kubectl delete service/web deployment/web');
  assert.match(await shell(ask!), /kubernetes\.io\/tls$/);
  assert.match(await shell(trust!), /^-----BEGIN CERTIFICATE-----/m);
  await shell(again!);
  const certificate = () => shell(`kubectl get secret web-tls -o jsonpath='{.data.tls\\.crt}'`);
  const old = await certificate();
  await shell(rotate!);
  await eventually('a certificate of the new authority', 20, async () =>
    (await certificate()) === old ? undefined : true,
  );
});

test('projects.md: what there is, one that is asked for, and who may ask', async () => {
  const [list, ask, allow] = commands('projects', 3);
  assert.match(await shell(list!), /^NAME +DISPLAY NAME +STATUS\n(?:.*\n)*default +Active/m);
  await shell('kubectl delete namespace shop --timeout=30s');
  await shell(ask!);
  assert.match(await shell('kubectl get projects'), /^shop +The shop +Active/m);
  await shell(allow!);
  const mayAsk = 'kubectl auth can-i create projectrequests.project.openshift.io --as=anna --as-group=team';
  assert.equal(await shell(mayAsk), 'yes\n');
});

test('registries.md: a login for the Pods of a namespace', async () => {
  await shell(commands('registries', 2)[1]!);
  await shell('kubectl run puller --image=localhost/microshift/busybox:1 -- sleep 1000');
  assert.equal(await shell(`kubectl get pod puller -o jsonpath='{.spec.imagePullSecrets[*].name}'`), 'my-login');
});

test('certificates.md: the kubeconfig of a name, and a request that a person approves', async () => {
  const [look, approve] = commands('certificates', 2);
  assert.match(await shell(look!), /^edge-1\nkubeconfig\n[\s\S]*server: "?https:\/\/edge-1:6443"?/);
  const { requestPem } = makeCertificateRequest({ commonName: 'jane' }, []);
  const request = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec: {
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      request: Buffer.from(requestPem).toString('base64'),
    },
  };
  await shell(`kubectl apply -f - <<'END'\n${JSON.stringify(request)}\nEND`);
  assert.match(await shell(approve!), /^jane .* Pending\n(?:.*\n)*certificatesigningrequest\S+\/jane approved/m);
  await shell(`kubectl wait --for=jsonpath='{.status.certificate}' csr/jane --timeout=15s`);
});

test('configure.md: a complete file and a drop-in hold while it runs', async () => {
  const [show, drop] = commands('configure', 3);
  await shell(show!);
  await shell(drop!);
  await eventually('both files are read', 15, async () =>
    /Configured .*config\.yaml, .*10-debug\.yaml/.test(await status()) ? true : undefined,
  );
  const text = await status();
  assert.match(text, /Nothing is wrong/);
  assert.doesNotMatch(text, /A restart is needed/);
  assert.match(await shell('microshift show-config'), /^logVLevel: 4 # .*10-debug\.yaml/m);
});
