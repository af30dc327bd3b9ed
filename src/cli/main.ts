#!/usr/bin/env node
/** Process entry of `reqrun`, the command line. Loads the rest only if this Node can run it. */
import { isNodeRecentEnough, OLDEST_NODE } from './node-version.ts';

if (isNodeRecentEnough(process.versions.node)) {
  const { runProgram } = await import('./program.ts');
  await runProgram(process.argv.slice(2));
} else {
  process.stderr.write(
    `reqrun needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}. Install a newer Node.\n`,
  );
  process.exitCode = 2;
}
