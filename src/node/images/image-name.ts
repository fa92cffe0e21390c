// Names of images: the grammar of distribution references, their full form, and what kubelet makes of a name without a tag.
// Short names go to the runtime as they are written: CRI-O resolves them by its own configuration.

export interface ImageName {
  /** With the registry and without tag and digest, as credentials and pull records know it: docker.io/library/busybox. */
  readonly repository: string;
  /** Of the registry, with its port. */
  readonly registry: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const domain = String.raw`(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[(?:[a-fA-F0-9:]+)\]`;
const component = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const grammar = new RegExp(
  String.raw`^((?:${domain})(?::[0-9]+)?/${component}(?:/${component})*)(?::(\w[\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);
const identifier = /^[a-f0-9]{64}$/;
const digestHexLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const repositoryLengthMax = 255;

function splitRegistry(name: string): readonly [string, string] {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const [registry, rest] = isRegistry ? [first, name.slice(slash + 1)] : ['docker.io', name];
  if (registry !== 'docker.io' && registry !== 'index.docker.io') return [registry, rest];
  return ['docker.io', rest.includes('/') ? rest : `library/${rest}`];
}

/** Throws with the words of upstream's parser. */
export function parseImageName(image: string): ImageName {
  const fail = (why: string): never => {
    throw new Error(`couldn't parse image name ${JSON.stringify(image)}: ${why}`);
  };
  if (identifier.test(image)) fail(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  const [registry, rest] = splitRegistry(image);
  const remote = rest.split(':')[0]!;
  if (remote.toLowerCase() !== remote) fail(`invalid reference format: repository name (${remote}) must be lowercase`);
  const match = grammar.exec(`${registry}/${rest}`);
  if (match === null) return fail('invalid reference format');
  const [, repository, tag, digest] = match as unknown as [string, string, string | undefined, string | undefined];
  if (repository.length - registry.length - 1 > repositoryLengthMax)
    fail(`repository name must not be more than ${repositoryLengthMax} characters`);
  if (digest !== undefined) {
    const [algorithm, hex] = digest.split(':') as [string, string];
    const length = digestHexLength[algorithm];
    if (length === undefined) fail('unsupported digest algorithm');
    if (hex.length !== length) fail('invalid checksum digest length');
    if (hex !== hex.toLowerCase()) fail('invalid checksum digest format');
  }
  return { repository, registry, tag, digest };
}

/** What the runtime is asked for: the name as written, with `latest` where it has neither tag nor digest. Throws as above. */
export function withDefaultTag(image: string): string {
  const { tag, digest } = parseImageName(image);
  return tag === undefined && digest === undefined ? `${image}:latest` : image;
}

/** With a registry and a tag, to compare names; what cannot be parsed stays as it is. */
export function normalImageName(image: string): string {
  try {
    const { repository, tag, digest } = parseImageName(image);
    return digest === undefined ? `${repository}:${tag ?? 'latest'}` : `${repository}@${digest}`;
  } catch {
    return image;
  }
}

/** The name as written, without tag and digest: pull records are kept by it. */
export function withoutTag(image: string): string {
  const [name] = image.split('@') as [string];
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name.slice(0, name.lastIndexOf(':')) : name;
}
