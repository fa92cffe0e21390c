// All functions that expressions have in Kubernetes 1.36, made once.
import { FunctionTable } from '../check/functions.ts';
import { declareConversions } from './conversions.ts';
import { declareLists } from './lists.ts';
import { declareOperators } from './operators.ts';
import { declareOptionals } from './optionals.ts';
import { declareTexts } from './texts.ts';
import { declareTimes } from './times.ts';

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
  }
  return table;
}
