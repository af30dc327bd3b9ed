import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { instructionsOf } from '../support/dockerfile.ts';
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
    .union([
      z.strictObject({ disable: z.literal(true) }),
      z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        retries: z.number(),
      }),
    ])
    .optional(),
  profiles: z.array(z.literal('streams')).optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  restart: z.literal('unless-stopped'),
});
const Compose = z.strictObject({
  name: z.string(),
  'x-reqrun': z.unknown(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
});

const { services } = Compose.parse(
  parse(readFileSync(new URL('docker-compose.yml', root), 'utf8'), { merge: true }),
);

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
      expect(services[awaited]?.healthcheck).toHaveProperty('test');
    }
  });

  it('runs commands of the image, which can write nothing, on a glibc base', () => {
    const ours = Object.values(services).filter(({ build }) => build !== undefined);
    expect(ours.map(({ command }) => command)).toEqual([['api'], ['worker']]);
    for (const service of ours) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
      expect(existsSync(new URL(`src/${service.command[0]}.ts`, root))).toBe(true);
    }
    const dockerfile = readFileSync(new URL('Dockerfile', root), 'utf8');
    expect(dockerfile).not.toMatch(/alpine/);
    expect(instructionsOf(dockerfile).findLast(({ name }) => name === 'ENTRYPOINT')?.words).toEqual([
      'node',
      'src/cli/main.js',
    ]);
  });

  it('checks the health of the API by the image’s own check, and of nothing that listens nowhere', () => {
    expect(services['api']?.healthcheck).toBe(undefined);
    expect(services['worker']?.healthcheck).toEqual({ disable: true });
  });

  it('gives API and worker the same value of each shared variable', () => {
    for (const name of ['REQRUN_KEYS_FILE', 'REQRUN_ENCRYPTION_KEYS', 'REQRUN_ALLOW_PLAIN_UPSTREAM']) {
      const given = ['api', 'worker'].map((service) => services[service]?.environment?.[name]);
      expect(given).toEqual([`\${${name}:-}`, `\${${name}:-}`]);
    }
  });
});
