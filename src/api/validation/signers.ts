// Names of signers of certificates, and the PEM texts that they are about.
import { invalid, required, tooLong, type FieldError } from '../field-error.ts';
import { byteLength, dns1123Label, dns1123Subdomain } from '../meta/names.ts';

const domainMax = 253;
const nameMax = domainMax + 1 + domainMax + 1 + 63;

/** The first of the parts that is wrong, as upstream tells it. */
function partErrors(path: string, whole: string, check: (part: string) => readonly string[]): FieldError[] {
  for (const part of whole.split('.')) {
    const wrong = check(part);
    if (wrong.length > 0)
      return wrong.map((text) => invalid(path, whole, `validating label ${JSON.stringify(part)}: ${text}`));
  }
  return [];
}

export function signerNameErrors(path: string, name: string | undefined): FieldError[] {
  if (name === undefined || name === '') return [required(path)];
  const [domain = '', own = '', ...more] = name.split('/');
  if (!name.includes('/') || more.length > 0)
    return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  return [
    ...(byteLength(domain) > domainMax ? [tooLong(path, domainMax)] : []),
    ...partErrors(path, domain, dns1123Label),
    ...(domain.includes('.')
      ? []
      : [invalid(path, domain, 'should be a domain with at least two segments separated by dots')]),
    ...partErrors(path, own, dns1123Subdomain),
    ...(byteLength(name) > nameMax ? [tooLong(path, nameMax)] : []),
  ];
}

/** Of Kubernetes itself: their certificates live a day at most. */
export const isOwnSigner = (name: string): boolean => /^([^/]*\.)?kubernetes\.io(\/|$)/.test(name);

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Buffer;
}

/** The blocks of a text, whatever is between them; what only begins like one is none. */
export function* pemBlocks(text: string): Generator<PemBlock> {
  const form = /(?:^|\n)-----BEGIN ([^\n]*?)-----[ \t]*\r?\n([^]*?)\n?-----END \1-----[ \t]*(?:\r?\n|$)/g;
  for (let match = form.exec(text); match !== null; match = form.exec(text)) {
    // The line's end may begin the next block.
    if (form.lastIndex > 0 && text[form.lastIndex - 1] === '\n') form.lastIndex--;
    const body = match[2]!;
    const hasHeaders = body.includes(':');
    const base64 = (hasHeaders ? body.slice(body.indexOf('\n\n') + 2) : body).replaceAll(/\s/g, '');
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) continue;
    yield { type: match[1]!, hasHeaders, bytes: Buffer.from(base64, 'base64') };
  }
}
