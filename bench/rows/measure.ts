import type { CrowdMeasure } from '../crowd/crowd-measure.ts';
import { measureCrowd } from '../crowd/measure-crowd.ts';
import type { BenchRun } from './bench-run.ts';
import { type ColdStartMeasure, measureColdStart } from './cold-start.ts';
import { type DuplicatesMeasure, measureDuplicates } from './duplicates.ts';
import { type HeldMeasure, measureHeld } from './held.ts';
import { type InFlightMeasure, measureInFlight } from './in-flight.ts';
import { type LongCallMeasure, measureLongCall } from './long-call.ts';
import type { LoadMeasure } from './measure-load.ts';
import { measureMemory, type MemoryMeasure } from './memory.ts';
import { measureRecovery, type RecoveryMeasure } from './recovery.ts';
import { measureResponses, type ResponsesMeasure } from './responses.ts';
import { measureRounds } from './rounds.ts';
import { measureStreams, type StreamMeasure } from './streams.ts';
import type { Row } from './row.ts';
import { measureSizes, type SizesMeasure } from './sizes.ts';

/** All measurements of a run. Rows that were not requested are empty or null. */
export interface Measures {
  readonly loads: readonly LoadMeasure[];
  readonly memory: readonly MemoryMeasure[];
  readonly recovery: readonly RecoveryMeasure[];
  readonly coldStart: readonly ColdStartMeasure[];
  readonly duplicates: readonly DuplicatesMeasure[];
  readonly held: HeldMeasure | null;
  readonly inFlight: readonly InFlightMeasure[];
  readonly longCall: LongCallMeasure | null;
  readonly responses: ResponsesMeasure | null;
  readonly streams: readonly StreamMeasure[];
  readonly sizes: SizesMeasure | null;
  readonly crowd: readonly CrowdMeasure[];
}

/** Measures the rows that the run's options name, one after the other. */
export async function measure(run: BenchRun): Promise<Measures> {
  const isAsked = (row: Row): boolean => run.options.only.includes(row);
  const rows = {
    oneAtATime: isAsked('one-at-a-time'),
    ceiling: isAsked('ceiling'),
    halfLoad: isAsked('half-load'),
  };
  const anyLoad = rows.oneAtATime || rows.ceiling || rows.halfLoad;
  return {
    loads: anyLoad ? await measureRounds(run, rows) : [],
    memory: isAsked('memory') ? await measureMemory(run) : [],
    recovery: isAsked('recovery') ? await measureRecovery(run) : [],
    coldStart: isAsked('cold-start') ? await measureColdStart(run) : [],
    duplicates: isAsked('duplicates') ? await measureDuplicates(run) : [],
    held: isAsked('held') ? await measureHeld(run) : null,
    inFlight: isAsked('in-flight') ? await measureInFlight(run) : [],
    longCall: isAsked('long-call') ? await measureLongCall(run) : null,
    responses: isAsked('responses') ? await measureResponses(run) : null,
    streams: isAsked('streams') ? await measureStreams(run) : [],
    sizes: isAsked('sizes') ? await measureSizes(run) : null,
    crowd: isAsked('crowd') ? await measureCrowd(run) : [],
  };
}
