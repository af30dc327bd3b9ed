import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.ts';

const root = new URL('../../', import.meta.url);

/** The part of the Compose specification that this file uses; strict, so that a misspelt key is found. */
const Service = z.strictObject({
  image: z.string().optional(),
  build: z.string().optional(),
  command: z.array(z.string()),
  user: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.number(),
    })
    .optional(),
  stop_grace_period: z.string().optional(),
  restart: z.literal('unless-stopped'),
});
const Compose = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
});

const { services } = Compose.parse(parse(readFileSync(new URL('docker-compose.yml', root), 'utf8')));

describe('docker-compose.yml', () => {
  it('publishes every port on loopback only, because the service is open', () => {
    for (const port of Object.values(services).flatMap(({ ports }) => ports ?? []))
      expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('answers to the API’s own name in its network, and to no other, because no web page has that name', () => {
    expect(services['api']?.environment?.['REQRUN_ALLOWED_HOSTS']).toBe('${REQRUN_ALLOWED_HOSTS:-api}');
  });

  it('registers every search attribute on its Temporal server, because only registered ones are set', () => {
    const registered = services['temporal']?.command.filter((flag) => flag.startsWith('--search-attribute='));
    expect(registered).toEqual(SEARCH_ATTRIBUTES.map((name) => `--search-attribute=${name}=Keyword`));
  });

  it('waits only for services that exist and can say that they are healthy', () => {
    for (const awaited of Object.values(services).flatMap((service) =>
      Object.keys(service.depends_on ?? {}),
    )) {
      expect(services[awaited]?.healthcheck).toBeDefined();
    }
  });

  it('runs process entries that exist, on a glibc base', () => {
    for (const { command, build } of Object.values(services)) {
      if (build !== undefined) expect(existsSync(new URL(command[1] ?? '', root))).toBe(true);
    }
    expect(readFileSync(new URL('Dockerfile', root), 'utf8')).not.toMatch(/FROM .*alpine/);
  });

  it('gives API and worker the same value of each shared variable', () => {
    for (const name of ['REQRUN_KEYS_FILE', 'REQRUN_ENCRYPTION_KEYS', 'REQRUN_ALLOW_PLAIN_UPSTREAM']) {
      const given = ['api', 'worker'].map((service) => services[service]?.environment?.[name]);
      expect(given).toEqual([`\${${name}:-}`, `\${${name}:-}`]);
    }
  });
});
