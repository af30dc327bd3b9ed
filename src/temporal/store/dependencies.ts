import type { Client } from '@temporalio/client';
import type { Limit } from '../../domain/limit.ts';
import type { Availability } from '../calls/availability.ts';
import type { RecordSettings } from '../run-state/to-record.ts';
import type { Waiters } from '../waiting/waiters.ts';
import type { StartSettings } from './start-run.ts';

/** Told of each POST as soon as Temporal has its request on disk. */
export interface AcceptanceObserver {
  accepted(): void;
  /** It joined the request that has its key. */
  replayed(): void;
}

/** What the requests on Temporal are made of. */
export interface TemporalRequestsDependencies {
  readonly client: Client;
  /**
   * Whose calls are over at their deadline: the native one goes on sending for seconds, and a retry or deletion
   * that comes so late would act on a run that it never saw.
   */
  readonly boundedClient: Client;
  readonly start: StartSettings;
  readonly record: () => RecordSettings;
  readonly availability: Availability;
  readonly waiters: Waiters;
  /** Calls that change something and that Temporal has not answered yet. */
  readonly accepting: Limit;
  /** GETs that Temporal has not answered yet. Who is let in and then held is not refused afterwards. */
  readonly reading: Limit;
  /** Null = nobody counts. */
  readonly observer: AcceptanceObserver | null;
}
