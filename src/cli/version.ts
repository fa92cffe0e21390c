// `microshift version`.
import { productVersion, versionInfo } from '#assembly/version.ts';
import { OperatorError } from '#base/errors.ts';

export async function version(format: string | undefined): Promise<void> {
  if (format === undefined) {
    console.log(`MicroShift Version: ${productVersion.version}`);
    console.log(`Kubernetes Version: ${productVersion.kubernetes}`);
    return;
  }
  const { major, minor, ...rest } = versionInfo();
  const shown = { major, minor, ...rest, microshiftVersion: productVersion.version };
  if (format === 'json') console.log(JSON.stringify(shown, null, 2));
  else if (format === 'yaml') process.stdout.write((await import('yaml')).stringify(shown));
  else
    throw new OperatorError(`The output format ${JSON.stringify(format)} is not known.`, 'Formats are yaml and json.');
}
