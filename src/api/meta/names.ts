// Forms of names, keys and values. Each check gives the list of what is wrong, empty when nothing is.
// Texts are upstream's (k8s.io/apimachinery util/validation and api/validate/content): clients show them.

const label1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain1123 = `${label1123}(\\.${label1123})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const labelKeyName = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
const label1123Pattern = whole(label1123);
const subdomain1123Pattern = whole(subdomain1123);
const label1035Pattern = whole(label1035);
const labelKeyPattern = whole(labelKeyName);
const labelValuePattern = whole(`(${labelKeyName})?`);

export const maxLengthText = (length: number) => `must be no more than ${length} characters`;
const maxBytesText = (length: number) => `must be no more than ${length} bytes`;
export const rangeText = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;
export const patternText = (message: string, pattern: string, ...examples: string[]) =>
  examples.length === 0
    ? `${message} (regex used for validation is '${pattern}')`
    : `${message} (e.g. ${examples.map((one) => `'${one}', `).join(' or ')}regex used for validation is '${pattern}')`;

/** Length in bytes of UTF-8, as Go's len. */
export const byteLength = (text: string): number => Buffer.byteLength(text);

export const dns1123LabelMax = 63;
export const dns1123SubdomainMax = 253;

export function dns1123Label(value: string): string[] {
  if (value.length <= dns1123LabelMax && label1123Pattern.test(value)) return [];
  const wrong: string[] = [];
  if (byteLength(value) > dns1123LabelMax) wrong.push(maxLengthText(dns1123LabelMax));
  if (!label1123Pattern.test(value))
    wrong.push(
      subdomain1123Pattern.test(value)
        ? 'must not contain dots'
        : patternText(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            label1123,
            'my-name',
            '123-abc',
          ),
    );
  return wrong;
}

const subdomainOf = (value: string, lengthText: string): string[] => {
  if (value.length <= dns1123SubdomainMax && subdomain1123Pattern.test(value)) return [];
  const wrong: string[] = [];
  if (byteLength(value) > dns1123SubdomainMax) wrong.push(lengthText);
  if (!subdomain1123Pattern.test(value))
    wrong.push(
      patternText(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        subdomain1123,
        'example.com',
      ),
    );
  return wrong;
};
export const dns1123Subdomain = (value: string): string[] => subdomainOf(value, maxLengthText(dns1123SubdomainMax));

/** As the rules that are written beside the types say it: k8s-long-name and k8s-short-name. */
const inBytes = (wrong: readonly string[]): string[] =>
  wrong.map((text) => text.replace(/^(must be no more than \d+) characters$/, '$1 bytes'));
export const longName = (value: string): string[] => inBytes(dns1123Subdomain(value));
export const shortName = (value: string): string[] => inBytes(dns1123Label(value));
/** k8s-long-name-caseless. */
export const longNameCaseless = (value: string): string[] => [
  ...(byteLength(value) > dns1123SubdomainMax ? [maxBytesText(dns1123SubdomainMax)] : []),
  ...(subdomain1123Pattern.test(value.toLowerCase())
    ? []
    : [
        patternText(
          "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
          subdomain1123,
          'Example.com',
        ),
      ]),
];

const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomain = `${underscoreLabel}(\\.${underscoreLabel})*`;
const underscorePattern = whole(underscoreSubdomain);
/** Search domains of a Pod's DNS may carry underscores. */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > dns1123SubdomainMax) wrong.push(maxLengthText(dns1123SubdomainMax));
  if (!underscorePattern.test(value))
    wrong.push(
      patternText(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        underscoreSubdomain,
        'example.com',
      ),
    );
  return wrong;
}

const wildcardSubdomain = `\\*\\.${subdomain1123}`;
const wildcardPattern = whole(wildcardSubdomain);
export function wildcardDns1123Subdomain(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > dns1123SubdomainMax) wrong.push(maxLengthText(dns1123SubdomainMax));
  if (!wildcardPattern.test(value))
    wrong.push(
      patternText(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        wildcardSubdomain,
        '*.example.com',
      ),
    );
  return wrong;
}

export function dns1035Label(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > dns1123LabelMax) wrong.push(maxLengthText(dns1123LabelMax));
  if (!label1035Pattern.test(value))
    wrong.push(
      patternText(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        label1035,
        'my-name',
        'abc-123',
      ),
    );
  return wrong;
}

/** Label keys, finalizers, condition types: `[prefix/]name`. */
export function qualifiedName(value: string): string[] {
  if (value.length <= 63 && labelKeyPattern.test(value)) return [];
  const message =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const text = patternText(message, labelKeyName, 'MyName', 'my.name', '123-abc');
  const parts = value.split('/');
  if (parts.length > 2)
    return [`a valid label key ${text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const wrong: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') wrong.push('prefix part must be non-empty');
    else for (const one of subdomainOf(prefix, maxBytesText(dns1123SubdomainMax))) wrong.push(`prefix part ${one}`);
  }
  if (name === '') wrong.push('name part must be non-empty');
  else if (byteLength(name) > 63) wrong.push(`name part ${maxBytesText(63)}`);
  if (!labelKeyPattern.test(name)) wrong.push(`name part ${text}`);
  return wrong;
}

export function labelValue(value: string): string[] {
  if (value.length <= 63 && labelValuePattern.test(value)) return [];
  const wrong: string[] = [];
  if (byteLength(value) > 63) wrong.push(maxBytesText(63));
  if (!labelValuePattern.test(value))
    wrong.push(
      patternText(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        `(${labelKeyName})?`,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  return wrong;
}

/** What can be one segment of a path of the API. A prefix (generateName) may be a name that alone would be refused. */
export function pathSegment(value: string, prefix = false): string[] {
  if (!prefix && (value === '.' || value === '..')) return [`may not be '${value}'`];
  return ['/', '%'].filter((one) => value.includes(one)).map((one) => `may not contain '${one}'`);
}

const maskTrailingDash = (name: string): string =>
  name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;

/** How names of a kind are checked; `prefix`: it is metadata.generateName. */
export type NameCheck = (name: string, prefix: boolean) => string[];
const withPrefix =
  (check: (name: string) => string[]): NameCheck =>
  (name, prefix) =>
    check(prefix ? maskTrailingDash(name) : name);
export const nameIsDnsSubdomain: NameCheck = withPrefix(dns1123Subdomain);
export const nameIsDnsLabel: NameCheck = withPrefix(dns1123Label);
export const nameIsDns1035Label: NameCheck = withPrefix(dns1035Label);
export const nameIsPathSegment: NameCheck = pathSegment;

const startsWithDots = (value: string): string[] =>
  value === '.'
    ? ["must not be '.'"]
    : value === '..'
      ? ["must not be '..'"]
      : value.startsWith('..')
        ? ["must not start with '..'"]
        : [];

/** Keys of ConfigMaps and Secrets: they become file names. */
export function configMapKey(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > dns1123SubdomainMax) wrong.push(maxLengthText(dns1123SubdomainMax));
  if (!/^[-._a-zA-Z0-9]+$/.test(value))
    wrong.push(
      patternText(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  return [...wrong, ...startsWithDots(value)];
}

/** Printable ASCII without `=` (upstream's relaxed rule, the default since 1.34). */
export function environmentVariableName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function portName(value: string): string[] {
  const wrong: string[] = [];
  if (byteLength(value) > 15) wrong.push(maxLengthText(15));
  if (!/^[-a-z0-9]+$/.test(value)) wrong.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) wrong.push('must contain at least one letter (a-z)');
  if (value.includes('--')) wrong.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) wrong.push('must not begin or end with a hyphen');
  return wrong;
}

export const portNumber = (value: number): string[] =>
  Number.isInteger(value) && value >= 1 && value <= 65_535 ? [] : [rangeText(1, 65_535)];

const idMax = 2 ** 31 - 1;
/** User and group ids. */
export const userId = (value: number): string[] => (value >= 0 && value <= idMax ? [] : [rangeText(0, idMax)]);

export const percentage = (value: string): string[] =>
  /^[0-9]+%$/.test(value)
    ? []
    : [
        patternText(
          "a valid percent string must be a numeric string followed by an ending '%'",
          '[0-9]+%',
          '1%',
          '93%',
        ),
      ];

export const httpHeaderName = (value: string): string[] =>
  /^[-A-Za-z0-9]+$/.test(value)
    ? []
    : [
        patternText(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          '[-A-Za-z0-9]+',
          'X-Header-Name',
        ),
      ];

/** Of a StorageVersion: GROUP.RESOURCE. */
export function storageVersionName(name: string): string[] {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return ['name must be in the form of <group>.<resource>'];
  return [
    ...dns1123Subdomain(name.slice(0, dot)).map((text) => `the group segment ${text}`),
    ...dns1035Label(name.slice(dot + 1)).map((text) => `the resource segment ${text}`),
  ];
}
