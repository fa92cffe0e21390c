// The tag of an image's name, as the default of imagePullPolicy looks at it.

const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(`^(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const identifierPattern = /^[a-f0-9]{64}$/;
const nameLengthMax = 255;
const referenceLengthMax = 1_024;

/** Without a tag and a digest it is `latest`; '' with a digest alone, and of what is no image's name. */
export function imageTag(reference: string): string {
  if (reference.length > referenceLengthMax || identifierPattern.test(reference)) return '';
  const at = reference.indexOf('@');
  const named = at < 0 ? reference : reference.slice(0, at);
  if (at >= 0 && !digestPattern.test(reference.slice(at + 1))) return '';
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) return '';
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const path = isDomain ? name.slice(slash + 1) : name;
  if (path.length > nameLengthMax || !pathPattern.test(path) || (isDomain && !domainPattern.test(first))) return '';
  return tag ?? (at < 0 ? 'latest' : '');
}
