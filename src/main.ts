// argv to command; signals and exit codes.
import { runProgram } from '#cli/program.ts';

process.exitCode = await runProgram(process.argv.slice(2));
