import type { Load } from './load.ts';
import type { Prng } from './prng.ts';
import type { FaultUpstream } from './upstream.ts';

/** What a fault may use to find its moment. */
export interface FaultContext {
  readonly upstream: FaultUpstream;
  readonly load: Load;
  readonly prng: Prng;
}

/** One fault that was made, and what followed. */
export interface Injection {
  /** Unix ms. */
  readonly atMs: number;
  /** Whose calls it broke off; empty where a fault breaks none. */
  readonly callers: readonly string[];
  /** From the fault until what it hit is ready to work again. */
  readonly readyAfterMs: number;
}

/** A kind of fault. It ends with everything up again. */
export interface Fault {
  readonly name: string;
  /** Of the fault matrix. */
  readonly rows: string;
  inject(context: FaultContext): Promise<Injection>;
}

/** ReqRun as a user runs it, with all that can go wrong with it. */
export interface FaultDeployment {
  readonly name: string;
  /** Of the API's processes. */
  readonly urls: readonly string[];
  readonly faults: readonly Fault[];
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Everything its processes wrote to stdout and stderr. */
  output(): string;
}

/** Makes a fault, repairs it, and takes the time in between. */
export async function injected(
  callers: readonly string[],
  make: () => Promise<unknown>,
  repair: () => Promise<unknown>,
): Promise<Injection> {
  await make();
  const atMs = Date.now();
  await repair();
  return { atMs, callers, readyAfterMs: Date.now() - atMs };
}
