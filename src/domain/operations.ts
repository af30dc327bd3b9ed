import {
  choicesCompleteness,
  embeddingsCompleteness,
  imagesCompleteness,
  moderationsCompleteness,
  responseCompleteness,
  textChoicesCompleteness,
  type CompletenessRule,
} from './completeness.ts';

/** The properties of one OpenAI call. */
interface OperationRow {
  /** The path of its POST in this service. */
  readonly path: string;
  /** The path of its POST at the upstream, below the base URL. */
  readonly upstreamPath: string;
  /** The value of `object` in its 202. */
  readonly asyncObject: string;
  /** Decides whether a 200 of the upstream is a complete answer. */
  readonly completeness: CompletenessRule;
  /** Whether OpenAI defines `stream: true` for this call. */
  readonly streams: boolean;
  /**
   * The members of the body that say how the answer is delivered. They are not part of "the same request".
   * `background` is not among them in general: images.generations has a member of that name with another
   * meaning.
   */
  readonly deliveryMembers: readonly string[];
  /** The members of OpenAI's body that ReqRun acts on itself and does not send upstream. */
  readonly ownMembers: readonly string[];
}

const STREAMING = ['stream', 'stream_options'] as const;

/**
 * The operations table: one row per OpenAI call that ReqRun makes durable. A new operation needs a row here,
 * a schema in the HTTP routes, an answer in the demo upstream, a method in the typed client, and tests.
 */
export const OPERATIONS = {
  'chat.completions': {
    path: '/v1/chat/completions',
    upstreamPath: '/chat/completions',
    asyncObject: 'chat.completion.async',
    completeness: choicesCompleteness,
    streams: true,
    deliveryMembers: STREAMING,
    ownMembers: [],
  },
  responses: {
    path: '/v1/responses',
    upstreamPath: '/responses',
    asyncObject: 'response',
    completeness: responseCompleteness,
    streams: true,
    deliveryMembers: [...STREAMING, 'background'],
    ownMembers: ['background'],
  },
  embeddings: {
    path: '/v1/embeddings',
    upstreamPath: '/embeddings',
    asyncObject: 'embedding.async',
    completeness: embeddingsCompleteness,
    streams: false,
    deliveryMembers: [],
    ownMembers: [],
  },
  completions: {
    path: '/v1/completions',
    upstreamPath: '/completions',
    asyncObject: 'text_completion.async',
    completeness: textChoicesCompleteness,
    streams: true,
    deliveryMembers: STREAMING,
    ownMembers: [],
  },
  moderations: {
    path: '/v1/moderations',
    upstreamPath: '/moderations',
    asyncObject: 'moderation.async',
    completeness: moderationsCompleteness,
    streams: false,
    deliveryMembers: [],
    ownMembers: [],
  },
  'images.generations': {
    path: '/v1/images/generations',
    upstreamPath: '/images/generations',
    asyncObject: 'image.async',
    completeness: imagesCompleteness,
    streams: true,
    deliveryMembers: STREAMING,
    ownMembers: [],
  },
} as const satisfies Record<string, OperationRow>;

/** The OpenAI call that a request stands for. It is part of "the same request". */
export type Operation = keyof typeof OPERATIONS;

/** The values of `object` in a 202, by operation. */
export type AsyncObject<Of extends Operation = Operation> = (typeof OPERATIONS)[Of]['asyncObject'];

/** The operation of runs of 0.1.0, which name no operation in their upstream call. */
export const FIRST_OPERATION: Operation = 'chat.completions';

const isOperation = (name: string): name is Operation => Object.hasOwn(OPERATIONS, name);

export const OPERATION_NAMES: readonly Operation[] = Object.keys(OPERATIONS).filter(isOperation);
