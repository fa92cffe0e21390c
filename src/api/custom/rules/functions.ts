// Kubernetes' functions in CEL that rules use beside the language's own (apiserver/pkg/cel/library). What is not here makes a
// rule that cannot be compiled, which its writer is told.
import type { Environment, Optional } from '@marcbachmann/cel-js';
import { dns1035Label, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../meta/names.ts';
import { compareQuantities, parseQuantity } from '../../quantity.ts';
import { textHasFormat } from '../formats.ts';
import { compilePattern } from '../regular-expressions.ts';

const compare = (left: unknown, right: unknown): number =>
  (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;

const isQuantity = (text: string): boolean => {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
};

class Quantity {
  readonly text: string;
  constructor(text: string) {
    parseQuantity(text);
    this.text = text;
  }
}

class Url {
  readonly url: URL;
  constructor(text: string) {
    this.url = new URL(text);
  }
}

const isUrl = (text: string): boolean => {
  try {
    return new URL(text).protocol !== '' || text.startsWith('/');
  } catch {
    return text.startsWith('/');
  }
};

type Check = (text: string) => readonly string[];

const hasFormat =
  (format: string): Check =>
  (text) =>
    textHasFormat(format, text) === true ? [] : [`does not match the format ${format}`];
const withPrefix =
  (check: Check): Check =>
  (text) =>
    check(text.endsWith('-') ? `${text}a` : text);

/** The library `format`: a name gives a format, which gives what is wrong with a text. */
const formats: Readonly<Record<string, Check>> = {
  dns1123Label,
  dns1123Subdomain,
  dns1035Label,
  qualifiedName,
  labelValue,
  dns1123LabelPrefix: withPrefix(dns1123Label),
  dns1123SubdomainPrefix: withPrefix(dns1123Subdomain),
  dns1035LabelPrefix: withPrefix(dns1035Label),
  uri: hasFormat('uri'),
  uuid: hasFormat('uuid'),
  byte: hasFormat('byte'),
  date: hasFormat('date'),
  datetime: hasFormat('datetime'),
};
class Formats {}
class Format {
  readonly check: Check;
  constructor(check: Check) {
    this.check = check;
  }
}

export function registerKubernetesFunctions(environment: Environment, optional: typeof Optional): void {
  const add = (signature: string, run: (...values: never[]) => unknown): void =>
    void environment.registerFunction(signature, run as (...values: unknown[]) => unknown);

  add('string.matchesRe2(string): bool', (text: string, source: string) => {
    const pattern = compilePattern(source);
    if (typeof pattern === 'string') throw new Error(`error parsing regexp: ${pattern}`);
    return pattern.matches(text);
  });
  add('matches(string, string): bool', (text: string, source: string) => {
    const pattern = compilePattern(source);
    if (typeof pattern === 'string') throw new Error(`error parsing regexp: ${pattern}`);
    return pattern.matches(text);
  });
  add('string.charAt(int): string', (text: string, at: bigint) => Array.from(text)[Number(at)] ?? '');
  add('string.replace(string, string): string', (text: string, from: string, to: string) => text.split(from).join(to));
  add('string.reverse(): string', (text: string) => Array.from(text).toReversed().join(''));

  add('list.isSorted(): bool', (list: unknown[]) =>
    list.every((item, index) => index === 0 || compare(list[index - 1], item) <= 0),
  );
  add('list.sum(): dyn', (list: unknown[]) =>
    list.reduce<unknown>(
      (total, item) => (typeof item === 'bigint' ? (total as bigint) + item : Number(total) + (item as number)),
      0n,
    ),
  );
  const extreme = (list: unknown[], sign: number): unknown => {
    if (list.length === 0) throw new Error(`${sign < 0 ? 'min' : 'max'} called on empty list`);
    return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
  };
  add('list.min(): dyn', (list: unknown[]) => extreme(list, -1));
  add('list.max(): dyn', (list: unknown[]) => extreme(list, 1));
  add('list.indexOf(dyn): int', (list: unknown[], item: unknown) => BigInt(list.indexOf(item)));
  add('list.lastIndexOf(dyn): int', (list: unknown[], item: unknown) => BigInt(list.lastIndexOf(item)));

  environment.registerType('kubernetes.Quantity', { ctor: Quantity, fields: {} });
  add('isQuantity(string): bool', isQuantity);
  add('quantity(string): kubernetes.Quantity', (text: string) => new Quantity(text));
  add('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', (one: Quantity, other: Quantity) =>
    BigInt(compareQuantities(one.text, other.text)),
  );
  add(
    'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool',
    (one: Quantity, other: Quantity) => compareQuantities(one.text, other.text) > 0,
  );
  add(
    'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool',
    (one: Quantity, other: Quantity) => compareQuantities(one.text, other.text) < 0,
  );
  add('kubernetes.Quantity.sign(): int', (one: Quantity) => BigInt(compareQuantities(one.text, '0')));

  environment.registerType('kubernetes.URL', { ctor: Url, fields: {} });
  add('isURL(string): bool', isUrl);
  add('url(string): kubernetes.URL', (text: string) => new Url(text));
  add('kubernetes.URL.getScheme(): string', ({ url }: Url) => url.protocol.replace(/:$/, ''));
  add('kubernetes.URL.getHost(): string', ({ url }: Url) => url.host);
  add('kubernetes.URL.getHostname(): string', ({ url }: Url) => url.hostname);
  add('kubernetes.URL.getPort(): string', ({ url }: Url) => url.port);
  add('kubernetes.URL.getEscapedPath(): string', ({ url }: Url) => url.pathname);

  environment.registerType('kubernetes.Format', { ctor: Format, fields: {} });
  environment.registerType('kubernetes.Formats', { ctor: Formats, fields: {} });
  environment.registerConstant('format', 'kubernetes.Formats', new Formats());
  for (const [name, check] of Object.entries(formats))
    add(`kubernetes.Formats.${name}(): kubernetes.Format`, () => new Format(check));
  add('kubernetes.Format.validate(string): optional<list<string>>', (format: Format, text: string) => {
    const wrong = format.check(text);
    return wrong.length === 0 ? optional.none() : optional.of([...wrong]);
  });

  add(
    'isIP(string): bool',
    (text: string) => textHasFormat('ipv4', text) === true || textHasFormat('ipv6', text) === true,
  );
  add('isCIDR(string): bool', (text: string) => textHasFormat('cidr', text) === true);
}
