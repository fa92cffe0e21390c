// All functions that expressions have in Kubernetes 1.36, made once.
import { FunctionTable } from '../check/functions.ts';
import { declareAddresses } from './addresses.ts';
import { declareAuthorization } from './authorization.ts';
import { declareConversions } from './conversions.ts';
import { declareFormats } from './formats.ts';
import { declareLists } from './lists.ts';
import { declareOperators } from './operators.ts';
import { declareOptionals } from './optionals.ts';
import { declareQuantities } from './quantities.ts';
import { declareSemanticVersions } from './semantic-versions.ts';
import { declareTexts } from './texts.ts';
import { declareTimes } from './times.ts';
import { declareUrls } from './urls.ts';

let table: FunctionTable | undefined;

export function standardFunctions(): FunctionTable {
  if (table === undefined) {
    table = new FunctionTable();
    declareOperators(table);
    declareConversions(table);
    declareTexts(table);
    declareTimes(table);
    declareLists(table);
    declareOptionals(table);
    declareUrls(table);
    declareQuantities(table);
    declareAddresses(table);
    declareSemanticVersions(table);
    declareFormats(table);
    declareAuthorization(table);
  }
  return table;
}
