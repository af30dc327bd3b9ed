import type { Client } from '@temporalio/client';
import type { TextStore } from '../../blobs/text-store.ts';
import type { Limit } from '../../domain/limit.ts';
import type { Availability } from '../calls/availability.ts';
import type { RecordSettings } from '../run-state/to-record.ts';
import type { StreamSubscriber } from '../../domain/streams/channel.ts';
import type { Waiters } from '../waiting/waiters.ts';
import type { Intake } from './intake.ts';
import type { StartSettings } from './start-run.ts';

/** Notified of each POST as soon as Temporal has stored its request. */
export interface AcceptanceObserver {
  accepted(): void;
  /** The POST joined the request that has its key. */
  replayed(): void;
}

/** Dependencies of the {@link Requests} on Temporal. */
export interface TemporalRequestsDependencies {
  readonly client: Client;
  /**
   * Client whose calls end at their deadline. The native client keeps sending for seconds. A retry or
   * deletion sent that late would act on a run that it never saw.
   */
  readonly boundedClient: Client;
  readonly start: StartSettings;
  readonly record: () => RecordSettings;
  readonly availability: Availability;
  readonly waiters: Waiters;
  readonly streams: StreamSubscriber;
  /** The large texts of requests. Null = there is no blob store. */
  readonly texts: TextStore | null;
  /** Bounds the changing calls that Temporal has not answered yet. */
  readonly intake: Intake;
  /**
   * Limit of GETs that Temporal has not answered yet. A GET that was let in and then held for a wait is not
   * refused afterwards.
   */
  readonly reading: Limit;
  /** Null = disabled. */
  readonly observer: AcceptanceObserver | null;
}
