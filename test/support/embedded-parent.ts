/** Process entry of a test: locks a data directory and, given a binary, runs the embedded server until it is killed. */
import { z } from 'zod';
import { lockDataDir } from '../../src/dev-server/data-dir.ts';
import { startEmbeddedServer } from '../../src/dev-server/server.ts';

const Asked = z.object({
  dataDir: z.string(),
  server: z.object({ binaryPath: z.string(), port: z.number(), uiPort: z.number() }).nullable(),
});
const { dataDir, server } = Asked.parse(JSON.parse(process.argv[2] ?? ''));

await lockDataDir(dataDir, 0);
const log = { warn: () => undefined };
const running =
  server === null
    ? null
    : await startEmbeddedServer({ ...server, dataDir, retentionHours: 24, env: process.env, log });
process.send?.({ serverPid: running?.pid() ?? null });
setInterval(() => undefined, 60_000);
