import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import type { BenchOptions } from '../options.ts';
import type { Place, Surroundings } from '../systems/system.ts';
import type { BenchLimitedUpstream } from '../upstream/limited.ts';
import type { BenchUpstream } from '../upstream/upstream.ts';

/** What every row measures with. `Needed` names the options it reads. */
export interface BenchRun<Needed extends keyof BenchOptions = keyof BenchOptions> {
  readonly options: Pick<BenchOptions, Needed>;
  readonly upstream: BenchUpstream;
  /** The upstream of the row `crowd`. */
  readonly limited: BenchLimitedUpstream;
  readonly around: Surroundings;
  /** Directory on disk for all files of the run's systems. */
  readonly directory: string;
  /** Prints progress for a person. */
  readonly say: (line: string) => void;
}

let places = 0;

/** Creates an empty place for a system, with ports of its own. */
export async function newPlace({ directory }: Pick<BenchRun, 'directory'>): Promise<Place> {
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  return { directory: join(directory, String((places += 1))), ports };
}

/**
 * Name of the model whose calls take `delayMs`. `mark` separates its calls from others with the same delay.
 */
export function modelOf(delayMs: number, mark = ''): string {
  return `ok-${delayMs}${mark === '' ? '' : `-${mark}`}`;
}
