import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import type { BenchOptions } from '../options.ts';
import type { Place, Surroundings } from '../systems/system.ts';
import type { BenchUpstream } from '../upstream/upstream.ts';

/** What every row measures with; `Needed`: the options it goes by. */
export interface BenchRun<Needed extends keyof BenchOptions = keyof BenchOptions> {
  readonly options: Pick<BenchOptions, Needed>;
  readonly upstream: BenchUpstream;
  readonly around: Surroundings;
  /** On disk; holds everything that the run's systems keep. */
  readonly directory: string;
  /** Tells a person how far it is. */
  readonly say: (line: string) => void;
}

let places = 0;

/** An empty place for a system, with ports of its own. */
export async function newPlace({ directory }: Pick<BenchRun, 'directory'>): Promise<Place> {
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  return { directory: join(directory, String((places += 1))), ports };
}

/** The model whose calls take so long; `mark` tells its calls from others of the same delay. */
export function modelOf(delayMs: number, mark = ''): string {
  return `ok-${delayMs}${mark === '' ? '' : `-${mark}`}`;
}
