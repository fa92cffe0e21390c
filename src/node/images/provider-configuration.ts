// The file that says which credential provider plugins there are, in upstream's form (CredentialProviderConfig). Pure.
import { qualifiedName } from '#api/meta/names.ts';
import { parseNanoseconds } from '#api/schema/duration.ts';

export interface TokenAttributes {
  readonly audience: string;
  readonly requireServiceAccount: boolean;
  readonly requiredAnnotations: readonly string[];
  readonly optionalAnnotations: readonly string[];
  readonly cacheType: 'ServiceAccount' | 'Token';
}

export interface CredentialProvider {
  readonly name: string;
  readonly apiVersion: string;
  readonly matchImages: readonly string[];
  readonly defaultCacheMs: number;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: it is not told of service accounts. */
  readonly token: TokenAttributes | undefined;
}

const fileVersions = ['v1', 'v1beta1', 'v1alpha1'].map((one) => `kubelet.config.k8s.io/${one}`);
const pluginGroup = 'credentialprovider.kubelet.k8s.io';
const pluginVersions = ['v1', 'v1beta1', 'v1alpha1'].map((one) => `${pluginGroup}/${one}`);
const providersMax = 100;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

/** Throws with all that is wrong. */
export function credentialProviders(file: unknown): readonly CredentialProvider[] {
  const wrong: string[] = [];
  if (
    !isFields(file) ||
    file['kind'] !== 'CredentialProviderConfig' ||
    !fileVersions.includes(String(file['apiVersion']))
  )
    throw new Error(`it must be a CredentialProviderConfig of ${fileVersions.join(', ')}`);
  const given: unknown = file['providers'];
  if (!Array.isArray(given) || given.length === 0 || given.length > providersMax)
    throw new Error(`providers: from 1 to ${providersMax} are required`);
  const names = new Set<string>();
  const providers = given.map((value: unknown, index): CredentialProvider => {
    const at = `providers[${index}]`;
    const fields = isFields(value) ? value : {};
    const say = (field: string, why: string): void => void wrong.push(`${at}.${field}: ${why}`);
    noOthers(
      fields,
      ['name', 'matchImages', 'defaultCacheDuration', 'apiVersion', 'args', 'env', 'tokenAttributes'],
      say,
    );
    const name = textOf(fields['name']);
    if (name === '' || name === '.' || name === '..' || /[/ ]/.test(name))
      say('name', 'it must be the name of a program, without slashes and blanks');
    if (names.has(name)) say('name', `there is another ${JSON.stringify(name)}`);
    names.add(name);
    const apiVersion = textOf(fields['apiVersion']);
    if (!pluginVersions.includes(apiVersion)) say('apiVersion', `it must be one of ${pluginVersions.join(', ')}`);
    const matchImages = textsOf(fields['matchImages'], 'matchImages', say);
    if (matchImages.length === 0) say('matchImages', 'at least one is required');
    for (const one of matchImages) if (!URL.canParse(`https://${one.replaceAll('*', 'x')}`)) say('matchImages', one);
    const duration = parseNanoseconds(textOf(fields['defaultCacheDuration']));
    const isDuration = typeof duration === 'bigint' && duration >= 0n;
    if (!isDuration) say('defaultCacheDuration', 'it must be a duration that is not negative, such as 10m');
    return {
      name,
      apiVersion,
      matchImages,
      defaultCacheMs: isDuration ? Number(duration / 1_000_000n) : 0,
      args: textsOf(fields['args'], 'args', say),
      environment: environmentOf(fields['env'], say),
      token: tokenOf(fields['tokenAttributes'], apiVersion, say),
    };
  });
  if (wrong.length > 0) throw new Error(wrong.join('; '));
  return providers;
}

type Say = (field: string, why: string) => void;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function noOthers(fields: Fields, known: readonly string[], say: Say): void {
  for (const field of Object.keys(fields)) if (!known.includes(field)) say(field, 'it is not known');
}

function textsOf(value: unknown, field: string, say: Say): readonly string[] {
  if (value === undefined || value === null) return [];
  if (isTexts(value)) return value;
  say(field, 'it must be a list of texts');
  return [];
}

function environmentOf(value: unknown, say: Say): Readonly<Record<string, string>> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (value !== undefined && value !== null && !Array.isArray(value)) say('env', 'it must be a list');
  return Object.fromEntries(
    list.map((one) => {
      const name = isFields(one) ? textOf(one['name']) : '';
      if (name === '') say('env', 'each needs a name');
      return [name, isFields(one) ? textOf(one['value']) : ''];
    }),
  );
}

function tokenOf(value: unknown, apiVersion: string, say: Say): TokenAttributes | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = isFields(value) ? value : {};
  const of = (field: string, why: string): void => say(`tokenAttributes.${field}`, why);
  const [audienceField, requiredField, optionalField] = [
    'serviceAccountTokenAudience',
    'requiredServiceAccountAnnotationKeys',
    'optionalServiceAccountAnnotationKeys',
  ] as const;
  noOthers(fields, [audienceField, requiredField, optionalField, 'requireServiceAccount', 'cacheType'], of);
  if (apiVersion !== pluginVersions[0]) of('', `only for ${pluginVersions[0]}`);
  const audience = textOf(fields[audienceField]);
  if (audience === '') of(audienceField, 'it is required');
  const { requireServiceAccount, cacheType } = fields;
  if (typeof requireServiceAccount !== 'boolean') of('requireServiceAccount', 'it is required');
  if (cacheType !== 'ServiceAccount' && cacheType !== 'Token') of('cacheType', 'it must be ServiceAccount or Token');
  const required = textsOf(fields[requiredField], requiredField, of);
  const optional = textsOf(fields[optionalField], optionalField, of);
  if (requireServiceAccount === false && required.length > 0)
    of(requiredField, 'not where requireServiceAccount is false');
  for (const key of [...required, ...optional])
    if (qualifiedName(key.toLowerCase()).length > 0)
      of(requiredField, `${JSON.stringify(key)} is no key of an annotation`);
  if (new Set([...required, ...optional]).size < required.length + optional.length)
    of(requiredField, 'keys may be there once, and not be required and optional');
  return {
    audience,
    requireServiceAccount: requireServiceAccount === true,
    requiredAnnotations: required,
    optionalAnnotations: optional,
    cacheType: cacheType === 'Token' ? 'Token' : 'ServiceAccount',
  };
}
