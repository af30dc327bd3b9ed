import { chooseSeed } from './prng.ts';

/** What `npm run test:faults` reads from the environment. */
export interface FaultSettings {
  /** `SEED`: of schedule, load and commands; by default a new one. */
  readonly seed: number;
  /** `FAULTS_PER_KIND`: how often each kind of fault is made; default 20. */
  readonly times: number;
  /** `FAULT_MINUTES`: after so long no further fault begins, for each deployment; default 20. */
  readonly maxMs: number;
  /** `REQUESTS_PER_SECOND`: of the steady load; default 4. */
  readonly perSecond: number;
  /** `FAULT_KINDS`: a regular expression of names; default all. */
  readonly kinds: RegExp;
  /** `MODEL_RUNS`: of the model-based test; default 100. */
  readonly modelRuns: number;
}

export function readFaultSettings(): FaultSettings {
  const count = (name: string, byDefault: number): number => {
    const told = process.env[name];
    return told === undefined || told === '' ? byDefault : Number(told);
  };
  return {
    seed: chooseSeed(),
    times: count('FAULTS_PER_KIND', 20),
    maxMs: count('FAULT_MINUTES', 20) * 60_000,
    perSecond: count('REQUESTS_PER_SECOND', 4),
    kinds: new RegExp(process.env['FAULT_KINDS'] ?? ''),
    modelRuns: count('MODEL_RUNS', 100),
  };
}
