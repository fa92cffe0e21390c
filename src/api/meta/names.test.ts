import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as names from './names.ts';

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

for (const [check, value, expected] of [
  [names.dns1123Label, 'web-1', []],
  [names.dns1123Label, 'a.b', ['must not contain dots']],
  [names.dns1123Label, 'Web', [labelText]],
  [names.dns1123Label, 'a'.repeat(64), ['must be no more than 63 characters']],
  [names.dns1123Subdomain, 'a.b-c.d', []],
  [
    names.dns1123Subdomain,
    'a..b',
    [
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [names.qualifiedName, 'example.com/Name_1', []],
  [names.qualifiedName, '/x', ['prefix part must be non-empty']],
  [
    names.qualifiedName,
    'a/',
    [
      'name part must be non-empty',
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ],
  [names.labelValue, '', []],
  [names.labelValue, 'b'.repeat(64), ['must be no more than 63 bytes']],
  [names.configMapKey, '..data', ["must not start with '..'"]],
  [names.environmentVariableName, 'my var', []],
  [
    names.environmentVariableName,
    'A=B',
    ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
  ],
  [names.portName, 'http-2', []],
  [names.portName, '80', ['must contain at least one letter (a-z)']],
  [names.portName, '-a--b', ['must not contain consecutive hyphens', 'must not begin or end with a hyphen']],
] as const)
  test(`${check.name}(${JSON.stringify(value).slice(0, 30)})`, () => assert.deepEqual(check(value), expected));

test('a prefix may end with a dash, and path segments refuse what a path cannot carry', () => {
  assert.deepEqual(names.nameIsDnsLabel('web-', true), []);
  assert.notDeepEqual(names.nameIsDnsLabel('web-', false), []);
  assert.deepEqual(names.pathSegment('system:node'), []);
  assert.deepEqual(names.pathSegment('..'), ["may not be '..'"]);
  assert.deepEqual(names.pathSegment('..', true), []);
  assert.deepEqual(names.pathSegment('a/b%'), ["may not contain '/'", "may not contain '%'"]);
});
