// Property tests use the same inputs in every run, so that a run says something about the change and not about luck;
// FUZZ_SEED=N npm test -- PATTERN looks elsewhere.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 36) });

export { default as fc } from 'fast-check';
