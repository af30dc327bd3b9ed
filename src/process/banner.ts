/** Facts that `npm start` prints once everything is ready. */
export interface Started {
  readonly apiUrl: string;
  readonly uiUrl: string | null;
  readonly temporal: string;
  readonly upstream: string;
  /** Proxy that upstream calls use. Null = no variable names a proxy. */
  readonly proxy: string | null;
  /** How requests are stored, as text for a person. */
  readonly payloads: string;
  /** Null = disabled. */
  readonly metricsUrl: string | null;
  /** The protections that are switched off, one sentence each. */
  readonly securityOverrides: readonly string[];
  readonly isDemo: boolean;
  /** Whether callers need an API key. */
  readonly isKeyed: boolean;
  /** A model that the upstream has. */
  readonly model: string;
  readonly demoModels: readonly { readonly model: string; readonly what: string }[];
}

/** The banner's text: addresses, the upstream in use, and a curl that works when pasted. */
export function banner(started: Started): string {
  const body = JSON.stringify({
    model: started.model,
    messages: [{ role: 'user', content: 'Say hello.' }],
    wait: true,
    idempotency_key: 'hello-1',
  });
  const lines = [
    '',
    'ReqRun is ready.',
    '',
    `  API          ${started.apiUrl}`,
    `  Temporal UI  ${started.uiUrl ?? '(unknown: set REQRUN_TEMPORAL_UI_URL)'}`,
    `  Temporal     ${started.temporal}`,
    `  Upstream     ${started.upstream}`,
    ...(started.proxy === null ? [] : [`  Proxy        ${started.proxy}`]),
    `  Payloads     ${started.payloads}`,
  ];
  if (started.metricsUrl !== null) lines.push(`  Metrics      ${started.metricsUrl}`);
  if (started.securityOverrides.length > 0)
    lines.push('', ...started.securityOverrides.map((line) => `  *** ${line}. ***`));
  if (started.isDemo) {
    const width = Math.max(...started.demoModels.map(({ model }) => model.length));
    lines.push(
      '',
      '  *** DEMO UPSTREAM: no OPENAI_API_KEY and no OPENAI_BASE_URL is set, so answers are made up. ***',
      '  Models that show what happens when an upstream fails:',
      ...started.demoModels.map(({ model, what }) => `    ${model.padEnd(width)} ${what}`),
    );
  }
  const key = started.isKeyed ? ' -H "authorization: Bearer $REQRUN_API_KEY"' : '';
  return [
    ...lines,
    '',
    'Try it:',
    '',
    `  curl -s ${started.apiUrl}/v1/chat/completions${key} \\`,
    "    -H 'content-type: application/json' \\",
    `    -d '${body}'`,
    `  curl -s ${started.apiUrl}/v1/requests/hello-1${key}`,
    '',
    '',
  ].join('\n');
}
