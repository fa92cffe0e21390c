// `microshift version`.
import { productVersion, versionInfo } from '#assembly/version.ts';
import { UsageError } from './command.ts';

export async function version(format: string | undefined): Promise<void> {
  if (format === undefined) {
    console.log(`MicroShift Version: ${productVersion.version}`);
    console.log(`Kubernetes Version: ${productVersion.kubernetes}`);
    return;
  }
  // The original's fields, of MicroShift; the ConfigMap kube-public/microshift-version says the same.
  const [major = '0', minor = '0', patch = '0'] = productVersion.version.split(/[.+-]/);
  const {
    gitVersion: kubernetesVersion,
    buildDate,
    compiler,
    gitCommit,
    gitTreeState,
    goVersion,
    platform,
  } = versionInfo();
  const build = { buildDate, compiler, gitCommit, gitTreeState, goVersion, platform };
  const shown = { ...build, major, minor, patch, gitVersion: productVersion.version, kubernetesVersion };
  if (format === 'json') console.log(JSON.stringify(shown, null, 2));
  else if (format === 'yaml') process.stdout.write((await import('yaml')).stringify(shown));
  else throw new UsageError(`The output format ${JSON.stringify(format)} is not known.`, 'Formats are yaml and json.');
}
