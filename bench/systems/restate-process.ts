/**
 * Process entry of the benchmark: Restate's server, on disk with its defaults, and one handler that makes the
 * call.
 */
import { type Context, serve, service } from '@restatedev/restate-sdk';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { until } from '../../test/support/until.ts';
import { createHttpCaller } from '../load/http-call.ts';
import { createPlainCall } from './call-plainly.ts';
import { sayReady } from './child.ts';
import { findRestateBinary } from './restate-binary.ts';

const Arguments = z.object({
  directory: z.string(),
  port: z.number(),
  adminPort: z.number(),
  handlerPort: z.number(),
  upstreamURL: z.string(),
});
const args = Arguments.parse(JSON.parse(process.argv[2] ?? ''));
const callUpstream = createPlainCall(args.upstreamURL);

const completions = service({
  name: 'completions',
  handlers: {
    complete: async (context: Context, body: unknown): Promise<unknown> =>
      context.run('call', async () => {
        const answer: unknown = JSON.parse(await callUpstream(JSON.stringify(body)));
        return answer;
      }),
  },
});
await serve({ services: [completions], port: args.handlerPort });

const binary = findRestateBinary();
if ('missing' in binary) throw new Error(binary.missing);
const server = spawn(binary.path, ['--base-dir', args.directory, '--node-name', 'bench'], {
  env: {
    PATH: process.env['PATH'],
    RESTATE_DISABLE_TELEMETRY: 'true',
    RESTATE_LISTEN_MODE: 'tcp',
    RESTATE_BIND_IP: '127.0.0.1',
    RESTATE_BIND_PORT: '0',
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${args.port}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${args.adminPort}`,
    RESTATE_LOG_FILTER: 'error',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
});
void once(server, 'exit').then(() => process.exit(1));
process.once('disconnect', () => server.kill('SIGKILL'));

const deployment = Buffer.from(JSON.stringify({ uri: `http://127.0.0.1:${args.handlerPort}` }));
const admin = createHttpCaller(`http://127.0.0.1:${args.adminPort}/deployments`);
await until(
  () =>
    admin.post(deployment).then(
      ({ status }) => status,
      () => 0,
    ),
  (status) => status >= 200 && status < 300,
  60_000,
);
await admin.close();
sayReady();
