import { choicesCompleteness, embeddingsCompleteness, type CompletenessRule } from './completeness.ts';

/** What the service knows of one OpenAI call. */
interface OperationRow {
  /** The path of its POST here. */
  readonly path: string;
  /** The same at the upstream, below its base URL. */
  readonly upstreamPath: string;
  /** `object` of the 202: the result is not there yet. */
  readonly asyncObject: string;
  /** Whether an upstream's 200 is an answer. */
  readonly completeness: CompletenessRule;
  /** Whether OpenAI defines `stream: true` for it. */
  readonly streams: boolean;
}

/**
 * The operations table: one row per OpenAI call that is made durable. A new operation is a row here, a schema in
 * the HTTP routes, an answer of the demo upstream, a method of the typed client, and tests.
 */
export const OPERATIONS = {
  'chat.completions': {
    path: '/v1/chat/completions',
    upstreamPath: '/chat/completions',
    asyncObject: 'chat.completion.async',
    completeness: choicesCompleteness,
    streams: true,
  },
  embeddings: {
    path: '/v1/embeddings',
    upstreamPath: '/embeddings',
    asyncObject: 'embedding.async',
    completeness: embeddingsCompleteness,
    streams: false,
  },
} as const satisfies Record<string, OperationRow>;

/** Which OpenAI call a request stands for; part of "the same request". */
export type Operation = keyof typeof OPERATIONS;

/** `object` of a 202, by operation. */
export type AsyncObject<Of extends Operation = Operation> = (typeof OPERATIONS)[Of]['asyncObject'];

/** What runs of 0.1.0 stand for: they name no operation in their upstream call. */
export const FIRST_OPERATION: Operation = 'chat.completions';

const isOperation = (name: string): name is Operation => Object.hasOwn(OPERATIONS, name);

export const OPERATION_NAMES: readonly Operation[] = Object.keys(OPERATIONS).filter(isOperation);
