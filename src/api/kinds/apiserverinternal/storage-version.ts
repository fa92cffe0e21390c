// StorageVersion: in which version each API server writes a resource.
import { duplicate, invalid, required, type FieldError } from '../../field-error.ts';
import type { ServerStorageVersion, StorageVersion, StorageVersionCondition } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { dns1035Label, dns1123Subdomain, nameIsDnsSubdomain, patternText } from '../../meta/names.ts';
import { isAbsent, qualifiedErrors, texts } from '../../validation/fields.ts';

const empty = 'must be non-empty';
const labelForm = '[a-z]([-a-z0-9]*[a-z0-9])?';
const labelText =
  "a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";

function versionProblems(apiVersion: string): string[] {
  const parts = apiVersion.split('/');
  if (parts.length > 2)
    return [
      `an apiVersion is ${patternText(labelText, labelForm, 'my-name', 'abc-123')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')`,
    ];
  const version = parts.at(-1)!;
  const group = parts.length === 2 ? parts[0]! : undefined;
  const part = (name: string, wrong: readonly string[]) => wrong.map((text) => `${name} part: ${text}`);
  return [
    ...(group === undefined ? [] : part('group', group === '' ? [empty] : dns1123Subdomain(group))),
    ...part('version', version === '' ? [empty] : dns1035Label(version)),
  ];
}

const versionErrors = (path: string, apiVersion: string): FieldError[] => {
  const wrong = versionProblems(apiVersion);
  return wrong.length === 0 ? [] : [invalid(path, apiVersion, wrong.join(','))];
};

function serverErrors(path: string, server: Partial<ServerStorageVersion>): FieldError[] {
  const { apiServerID = '', encodingVersion = '', decodableVersions = [], servedVersions = [] } = server;
  return [
    ...texts(`${path}.apiServerID`, apiServerID, nameIsDnsSubdomain(apiServerID, false)),
    ...versionErrors(`${path}.encodingVersion`, encodingVersion),
    ...decodableVersions.flatMap((one, index) => versionErrors(`${path}.decodableVersions[${index}]`, one)),
    ...(decodableVersions.includes(encodingVersion)
      ? []
      : [
          invalid(
            `${path}.decodableVersions`,
            decodableVersions,
            `decodableVersions must include encodingVersion ${encodingVersion}`,
          ),
        ]),
    ...servedVersions.flatMap((one, index) => [
      ...versionErrors(`${path}.servedVersions[${index}]`, one),
      ...(decodableVersions.includes(one)
        ? []
        : [
            invalid(
              `${path}.servedVersions[${index}]`,
              one,
              `individual served version : ${one} must be included in decodableVersions : [${decodableVersions.join(' ')}]`,
            ),
          ]),
    ]),
  ];
}

function commonErrors(path: string, servers: readonly ServerStorageVersion[], said: string | undefined): FieldError[] {
  const [first] = servers;
  const common =
    first !== undefined && servers.every((one) => one.encodingVersion === first.encodingVersion)
      ? first.encodingVersion
      : undefined;
  if (common === said) return [];
  if (common === undefined)
    return [
      invalid(
        path,
        said,
        'should be nil if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet',
      ),
    ];
  return [
    said === undefined
      ? invalid(path, null, `the common encoding version is ${common}`)
      : invalid(path, said, `the actual common encoding version is ${common}`),
  ];
}

/** The paths are upstream's, without the name of the list. */
function conditionErrors(path: string, conditions: readonly StorageVersionCondition[]): FieldError[] {
  return conditions.flatMap((one, index) => {
    const at = `${path}[${index}]`;
    const before = conditions.findLastIndex((other, place) => place < index && other.type === one.type);
    return [
      ...(before < 0
        ? []
        : [
            invalid(
              `${at}.type`,
              one.type,
              `the type of the condition is not unique, it also appears in conditions[${before}]`,
            ),
          ]),
      ...qualifiedErrors(`${at}.type`, one.type ?? ''),
      ...qualifiedErrors(`${at}.status`, one.status ?? ''),
      ...(isAbsent(one.reason) ? [required(`${at}.reason`)] : []),
      ...(isAbsent(one.message) ? [required(`${at}.message`)] : []),
    ];
  });
}

function statusErrors({ status }: StorageVersion): FieldError[] {
  const { storageVersions = [], commonEncodingVersion, conditions = [] } = status ?? {};
  const ids = storageVersions.map((one) => one.apiServerID);
  return [
    ...storageVersions.flatMap((one, index) => [
      ...(ids.indexOf(one.apiServerID) < index
        ? [duplicate(`status.storageVersions[${index}].apiServerID`, one.apiServerID)]
        : []),
      ...serverErrors(`status.storageVersions[${index}]`, one),
    ]),
    ...commonErrors('status.commonEncodingVersion', storageVersions, commonEncodingVersion),
    ...conditionErrors('status', conditions),
  ];
}

export const storageVersion: KindBehaviour<StorageVersion> = {
  metadataInUpdate: [],
  validate: () => [],
  validateUpdate: (object, _previous, subresource) => (subresource === 'status' ? statusErrors(object) : []),
};
