import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { letGo } from '../support/forked.ts';
import { until } from '../support/until.ts';
import { readJournal, type UpstreamEvent } from './journal.ts';
import { UpstreamSays, type KillOrder } from './upstream-orders.ts';

/** The upstream's own process: it outlives every fault, and its journal is the oracle. */
export interface FaultUpstream {
  readonly baseURL: string;
  journal(): Promise<UpstreamEvent[]>;
  /** Resolves when the order was carried out, with the call that was its moment. */
  killAt(order: KillOrder, withinMs?: number): Promise<UpstreamEvent>;
  close(): Promise<void>;
}

const ENTRY = fileURLToPath(new URL('upstream-process.ts', import.meta.url));

/** @param journalPath a file of its own */
export async function startFaultUpstream(journalPath: string): Promise<FaultUpstream> {
  const child = fork(ENTRY, [journalPath], { execArgv: [] });
  const said: UpstreamSays[] = [];
  child.on('message', (message) => said.push(UpstreamSays.parse(message)));
  const hear = async <T>(find: (one: UpstreamSays) => T | null, withinMs?: number): Promise<T> => {
    const read = (): T | null => said.reduce<T | null>((found, one) => found ?? find(one), null);
    const heard = await until(read, (found) => found !== null, withinMs);
    if (heard === null) throw new Error('unreachable: until() found it');
    return heard;
  };
  const port = await hear((one) => ('port' in one ? one.port : null));
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    journal: () => readJournal(journalPath),
    killAt: (order, withinMs) => {
      said.length = 0;
      child.send(order);
      return hear((one) => ('killedAt' in one ? one.killedAt : null), withinMs);
    },
    close: () => letGo(child),
  };
}
