// What a DNS name may look like.

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const subdomain = new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*$`);

/** In lower case. */
export const isDnsName = (text: string): boolean => subdomain.test(text);
