import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { until } from '../until.ts';
import { type CallBody, completionOf, readCallBody } from './call-body.ts';
import { type CallCounts, type LoggedCall, NO_CALLS } from './call-log.ts';
import { createLimitedModel, type LimitedModel, type ModelLimits } from './limited-model.ts';

/**
 * An OpenAI-compatible upstream with rate limits. It answers chat completions, and counts and logs what it
 * received. A model without limits answers each call after 300 ms.
 */
export interface LimitedUpstream {
  /** Base URL, with `/v1`. */
  readonly baseURL: string;
  /**
   * Sets the limits of a model, or changes them at run time. Several models share one limit.
   *
   * @param models the same group in each call, because a model keeps the group of its first call
   */
  limit(models: string | readonly string[], limits: ModelLimits): void;
  counts(model: string): CallCounts;
  /** The model's calls in the order of their arrival. */
  calls(model: string): readonly LoggedCall[];
  /** @throws Error if no count holds in time. Default 60 s */
  untilCounts(model: string, holds: (counts: CallCounts) => boolean, withinMs?: number): Promise<CallCounts>;
  close(): Promise<void>;
}

export async function startLimitedUpstream(): Promise<LimitedUpstream> {
  const limited = new Map<string, LimitedModel>();
  const logs = new Map<string, LoggedCall[]>();
  const totals = new Map<string, CallCounts>();
  const counts = (model: string): CallCounts => totals.get(model) ?? NO_CALLS;
  const count = (model: string, change: (now: CallCounts) => Partial<CallCounts>): void => {
    const now = counts(model);
    totals.set(model, { ...now, ...change(now) });
  };

  function modelOf(model: string): LimitedModel {
    const known = limited.get(model) ?? createLimitedModel({}, Date.now());
    limited.set(model, known);
    return known;
  }

  function receive({ model, user }: CallBody, refused: boolean, response: ServerResponse): void {
    const atMs = Date.now();
    const log = logs.get(model) ?? [];
    logs.set(model, log);
    log.push({ atMs, refused, user });
    count(model, (now) => ({
      received: now.received + 1,
      refused: now.refused + (refused ? 1 : 0),
      open: now.open + 1,
      mostOpen: Math.max(now.mostOpen, now.open + 1),
      firstAtMs: now.firstAtMs || atMs,
      lastAtMs: atMs,
    }));
    response.once('close', () =>
      count(model, (now) => ({
        open: now.open - 1,
        abandoned: now.abandoned + (response.writableFinished ? 0 : 1),
      })),
    );
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = readCallBody(await text(request));
    const { refused, headers, body, afterMs } = modelOf(call.model).admit(call, Date.now());
    receive(call, refused, response);
    const head = { 'content-type': 'application/json', ...headers };
    if (body !== null) return void response.writeHead(429, head).end(body);
    const answer = (): void => {
      if (response.destroyed) return;
      count(call.model, (now) => ({ answered: now.answered + 1, lastAnsweredAtMs: Date.now() }));
      response.writeHead(200, head).end(completionOf(call, counts(call.model).answered));
    };
    if (afterMs === 0) answer();
    else setTimeout(answer, afterMs);
  }

  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  // Connections must stay open during the pauses of a paced caller.
  server.keepAliveTimeout = 600_000;
  // A crowd connects at once.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    limit: (models, limits) => {
      const names = typeof models === 'string' ? [models] : models;
      const known = names.map((name) => limited.get(name)).find((one) => one !== undefined);
      if (known !== undefined) return known.change(limits, Date.now());
      const created = createLimitedModel(limits, Date.now());
      for (const name of names) limited.set(name, created);
    },
    counts,
    calls: (model) => logs.get(model) ?? [],
    untilCounts: (model, holds, withinMs = 60_000) => until(() => counts(model), holds, withinMs),
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
