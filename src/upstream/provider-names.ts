/**
 * The names that providers use for each kind of error, in `code`, in `type` or deeper in the error. There is
 * one list for each meaning, and each name has its source.
 */

/** Money or a spending limit. Waiting does not help, whatever the status is. */
export const BILLING_NAMES: ReadonlySet<string> = new Set([
  // OpenAI: platform.openai.com/docs/guides/error-codes.
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'billing_hard_limit_reached',
  // OpenAI, an account that is not active: github.com/RamiAwar/dataline/issues/175.
  'billing_not_active',
  'account_deactivated',
  // Anthropic: docs.anthropic.com/en/api/errors; the second stands in `error.details.error_code` of a 429.
  'billing_error',
  'enforced_spend_limit_reached',
  // Moonshot: platform.moonshot.ai/docs/api/errors.
  'exceeded_current_quota_error',
  // Zhipu, Z.AI: docs.z.ai/api-reference/api-code: balance exhausted; account in arrears; plan expired.
  '1113',
  '1309',
  // LiteLLM's proxy: docs.litellm.ai/docs/proxy/users.
  'budget_exceeded',
  // OpenRouter: openrouter.ai/docs/api/reference/errors-and-debugging.
  'payment_required',
  'insufficient_credits',
  // Azure OpenAI and DeepSeek (api-docs.deepseek.com/quick_start/error_codes) under their own gateways' spelling.
  'insufficient_balance',
  'insufficient_user_quota',
  // ZenMux: docs.zenmux.ai/guide/advanced/error-codes.
  'insufficient_credit',
  'reject_no_credit',
  'quote_exceeded',
  // Alibaba Model Studio: help.aliyun.com/zh/model-studio/error-code.
  'Arrearage',
  'AllocationQuota.FreeTierOnly',
  // Volcengine Ark: volcengine.com/docs/82379/1299023.
  'AccountOverdueError',
  // New API and One API, gateways: github.com/QuantumNous/new-api, types/error.go.
  'pre_consume_token_quota_failed',
  // Moonshot, Kimi: kimi.com/code/docs, error reference.
  'access_terminated_error',
]);

/** Pattern for names that are in no list but are about money. */
export const BILLING_NAME =
  /billing|arrear|spend(?:ing)?_?limit|budget_?(?:limit|exceed|exhaust)|(?:insufficient|exhausted|no|not_enough|out_of|low)_?(?:credit|balance|fund)|(?:credit|balance|fund)s?_?(?:balance_?)?(?:insufficient|exhausted|depleted|too_low|not_enough)/i;

/**
 * The sentences of providers that have no name for a money error: xAI
 * (github.com/continuedev/continue/issues/10373 and /12670), Anthropic (a 400 of type
 * `invalid_request_error`), LiteLLM's proxy (docs.litellm.ai/docs/proxy/users and
 * github.com/BerriAI/litellm/issues/14144), DeepSeek and OpenRouter (the texts of their 402).
 */
export const BILLING_WORDS =
  /used all available credits|reached its monthly spending limit|doesn't have any credits|credit balance is too low|max budget limit reached|budget has been exceeded|exceeded ?(?:token ?)?budget|crossed budget|over budget|insufficient (?:account )?(?:credit|balance|fund)/;

/**
 * A rate limit, which ends with time. The list exists so that a `type` of the billing family does not
 * overrule the `code`.
 */
export const RATE_NAMES: ReadonlySet<string> = new Set([
  // OpenAI, Groq (console.groq.com/docs/errors), Azure OpenAI.
  'rate_limit_exceeded',
  'slow_down',
  'requests',
  'tokens',
  // Anthropic; Moonshot.
  'rate_limit_error',
  'rate_limit_reached_error',
  // Mistral, OpenRouter, ZenMux.
  'rate_limited',
  'rate_limit',
  'too_many_requests',
  // Zhipu, Z.AI: concurrency, frequency.
  '1302',
  '1303',
]);

/**
 * Alibaba Model Studio's sentence for its tokens-per-minute limit, which ends within a minute. It is sent
 * under the code `insufficient_quota` (alibabacloud.com/help/en/model-studio/rate-limit).
 */
export const RATE_WORDS = /allocated quota exceeded/;

/** No capacity at this moment; the provider documents that it refused the request. */
export const OVERLOAD_NAMES: ReadonlySet<string> = new Set([
  // OpenAI: "The engine is currently overloaded" and "Slow Down" (platform.openai.com/docs/guides/error-codes).
  'server_is_overloaded',
  'engine_overloaded',
  'slow_down',
  // Anthropic's 529: docs.anthropic.com/en/api/errors.
  'overloaded_error',
  // Moonshot: forum.moonshot.ai/t/569.
  'engine_overloaded_error',
  // Groq's 498: console.groq.com/docs/flex-processing.
  'capacity_exceeded',
  // llama.cpp's server while it loads a model: github.com/ggml-org/llama.cpp, tools/server/README.md.
  'unavailable_error',
  // text-generation-inference: `error_type`.
  'overloaded',
  // Azure OpenAI; Google: cloud.google.com/apis/design/errors.
  'NoCapacity',
  'UNAVAILABLE',
  'service_unavailable',
  'service_unavailable_error',
  'ServiceUnavailable',
  // Zhipu, Z.AI: the model gets too many requests.
  '1305',
  '1312',
]);

/**
 * The sentences of a documented 503: OpenAI, DeepSeek ("overloaded due to high traffic"), Together and CoreWeave
 * ("engine overloaded"), llama.cpp ("Loading model"), Hugging Face ("is currently loading"), OpenRouter ("no
 * available model provider"), Featherless ("temporarily unavailable").
 */
export const OVERLOAD_WORDS =
  /overload|loading|unavailable|no available|not available|capacity|too busy|server (?:is )?busy|high (?:traffic|demand|load)|slow down|warming up|starting up/;

/** The words of {@link OVERLOAD_WORDS} that proxies do not use about themselves. */
export const PROVIDER_WORDS = /overloaded|model|loading|capacity|high (?:traffic|demand|load)/i;

/**
 * The sentences of proxies that lost a request or never forwarded it: Envoy and Istio (source/common/http,
 * local replies), HAProxy, nginx, Kong, AWS and Google load balancers, Cloudflare. The sentences do not
 * distinguish the two cases.
 */
export const PROXY_WORDS =
  /upstream (?:connect|request|server|prematurely|unavailable|reset|timed)|connection (?:was |has been )?(?:termination|terminated|reset|refused|failed|failure|timeout|timed out|error|closed|lost|aborted)|connect error|reset (?:before|reason)|disconnect|backend (?:fetch|server|connection|timeout)|failed to (?:connect|get a peer)|bad gateway|gateway time|timed out|broken pipe|\beof\b|no healthy|ring-balancer|no server is available|origin (?:web )?(?:server|is)|cloudflare/;

/**
 * The provider refused the model's input or output for its content. Some charge for it (xAI: docs.x.ai, usage
 * guidelines).
 */
export const CONTENT_NAMES: ReadonlySet<string> = new Set([
  // OpenAI, Azure OpenAI (learn.microsoft.com, content filtering).
  'content_policy_violation',
  'content_filter',
  'ResponsibleAIPolicyViolation',
  'moderation_blocked',
  'invalid_prompt',
  // OpenRouter, ZenMux, Alibaba, Zhipu.
  'moderation',
  'content_moderation',
  'safety_check_failed',
  'data_inspection_failed',
  'DataInspectionFailed',
  '1301',
]);

export const CONTENT_WORDS =
  /usage (?:guidelines|polic)|content[ _](?:polic|filter|moderation|violat|management|safety)|moderation|flagged|safety|inappropriate|harmful|sensitive|violat|unsafe|disallowed content|guardrail|nsfw|prohibited/;

/** A closed account or key, in any wording. The content of the request is not the reason. */
export const ACCOUNT_WORDS =
  /\b(?:account|organi[sz]ation|team|workspace|project|user|api[ _-]?key)\b.{0,60}\b(?:suspended|disabled|deactivated|banned|terminated|blocked|restricted|revoked|expired|locked)/;

export const CREDENTIAL_WORDS =
  /api[ _-]?key|credential|authenti|authori[sz]|unauthori|permission|access|denied|forbidden|(?:bearer|auth|invalid|expired|missing) token|not allowed|region|country|territory|organi[sz]ation|account|ip address|membership|scope|role|subscription/;
