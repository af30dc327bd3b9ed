import { z } from 'zod';

/** What the limited upstream reads of a call. */
export interface CallBody {
  readonly model: string;
  readonly user: string | null;
  /** Tokens that the call is charged: prompt and allowed answer together. */
  readonly tokens: number;
}

/** The rule of thumb with which providers estimate a prompt before they read it. */
const CHARACTERS_PER_TOKEN = 4;
const MARKER = /\[tokens=(\d+)\]/;

const Body = z.object({
  model: z.string(),
  user: z.string().optional(),
  max_tokens: z.number().optional(),
  max_completion_tokens: z.number().optional(),
});

/**
 * Reads a chat completion's body. `[tokens=8000]` anywhere in it sets the tokens. Otherwise they are a quarter of
 * the body's characters, plus the answer's allowed tokens.
 */
export function readCallBody(text: string): CallBody {
  const body = Body.parse(JSON.parse(text));
  const marked = MARKER.exec(text)?.[1];
  const answer = body.max_completion_tokens ?? body.max_tokens ?? 0;
  const estimated = Math.ceil(text.length / CHARACTERS_PER_TOKEN) + answer;
  return {
    model: body.model,
    user: body.user ?? null,
    tokens: marked === undefined ? estimated : Number(marked),
  };
}

const COMPLETION_TOKENS = 2;

/** A completion that reports the tokens that the call was charged. */
export function completionOf({ model, tokens }: CallBody, call: number): string {
  return JSON.stringify({
    id: `chatcmpl-${call}`,
    object: 'chat.completion',
    created: 1_795_000_000,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'billing' }, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: Math.max(0, tokens - COMPLETION_TOKENS),
      completion_tokens: COMPLETION_TOKENS,
      total_tokens: tokens,
    },
  });
}

/** OpenAI's words for a limit that is used up, or for a call that is larger than the limit. */
export function refusalOf(
  { model, tokens }: CallBody,
  unit: 'requests' | 'tokens',
  limit: number,
  delay: string | null,
): string {
  const [name, size] = unit === 'requests' ? ['requests per min (RPM)', 1] : ['tokens per min (TPM)', tokens];
  const message =
    delay === null
      ? `Request too large for ${model} on ${name}: Limit ${limit}, Requested ${size}. The input or output tokens must be reduced in order to run successfully.`
      : `Rate limit reached for ${model} on ${name}: Limit ${limit}, Used ${limit}, Requested ${size}. Please try again in ${delay}.`;
  return JSON.stringify({ error: { message, type: unit, param: null, code: 'rate_limit_exceeded' } });
}
