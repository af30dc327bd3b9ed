import { randomBytes } from 'node:crypto';
import { withinCaps } from '../domain/option-caps.ts';
import { RequestOptions } from '../domain/options.ts';
import type { Project } from '../domain/project.ts';
import { RawJson } from '../domain/raw-json.ts';
import { newRequestId } from '../domain/request-id.ts';
import { NamedBy, type NewRequest } from '../domain/requests.ts';
import { isObject } from '../domain/run.ts';
import { Operation } from '../domain/words.ts';
import { fingerprint } from './fingerprint.ts';
import { cutMembers } from './json/cut-members.ts';
import type { JsonBody } from './json/parse-json.ts';
import { OWN_MEMBERS, type ChatCompletionBody } from './schemas/chat-completion.ts';
import type { SignedRequest } from './signatures.ts';

/** A chat completion as it was received and let in. */
interface ReceivedCompletion {
  /** The idempotency key; null = none was given. */
  readonly key: string | null;
  readonly signed: SignedRequest | null;
  readonly body: ChatCompletionBody;
  readonly jsonBody: JsonBody;
  readonly project: Project;
}

/**
 * What the store is given. What is sent upstream is the text as it came, less ReqRun's own members.
 *
 * @throws Refusal `invalid_value` where an option is beyond the project's cap
 */
export function toNewRequest({ key, signed, body, jsonBody, project }: ReceivedCompletion): NewRequest {
  const { model, reqrun } = body;
  const operation = Operation.chatCompletions;
  const upstreamBody = Object.fromEntries(
    Object.entries(jsonBody.value).filter(([name]) => !OWN_MEMBERS.has(name)),
  );
  // Validation has filled in the defaults; what the caller said itself stands in what it sent.
  const given = jsonBody.value['reqrun'];
  return {
    ...nameOf(key, signed),
    operation,
    model,
    fingerprint: fingerprint(operation, upstreamBody),
    body: new RawJson(Buffer.from(cutMembers(jsonBody, OWN_MEMBERS))),
    options: withinCaps(
      reqrun ?? RequestOptions.parse({}),
      isObject(given) ? given : {},
      project.limits.caps,
    ),
  };
}

/** Of a signed request without a key: a replay of it, to any process, names the same request. */
function nameOf(key: string | null, signed: SignedRequest | null): Pick<NewRequest, 'id' | 'namedBy'> {
  if (key !== null) return { id: key, namedBy: NamedBy.key };
  if (signed === null) return { id: newRequestId(randomBytes), namedBy: NamedBy.chance };
  return { id: newRequestId((count) => signed.digest.subarray(0, count)), namedBy: NamedBy.nonce };
}
