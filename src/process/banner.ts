/** What `npm start` tells a person once everything answers. */
export interface Started {
  readonly apiUrl: string;
  readonly uiUrl: string | null;
  readonly temporal: string;
  readonly upstream: string;
  /** What upstream calls go through; null = no variable names a proxy. */
  readonly proxy: string | null;
  /** How requests are stored. */
  readonly payloads: string;
  /** Null = none are served. */
  readonly metricsUrl: string | null;
  /** The protections that are lifted, a sentence each. */
  readonly securityOverrides: readonly string[];
  readonly isDemo: boolean;
  /** Whether callers need an API key. */
  readonly isKeyed: boolean;
  /** A model the upstream knows. */
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
    lines.push(
      '',
      '  *** DEMO UPSTREAM: no OPENAI_API_KEY and no OPENAI_BASE_URL is set, so answers are made up. ***',
      '  Models that show what happens when an upstream misbehaves:',
      ...started.demoModels.map(({ model, what }) => `    ${model.padEnd(14)} ${what}`),
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
