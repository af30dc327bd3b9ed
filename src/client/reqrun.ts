import type { DurableChat } from './completions.ts';
import { KeyedOpenAI, type KeyedOptions } from './keyed-openai.ts';
import { Requests } from './requests.ts';

/**
 * OpenAI's client options; `baseURL` defaults to a local ReqRun, `apiKey` to none, `signingSecret` to none (it
 * signs every call, for an API key made with `--signed`).
 */
export type ReqRunOptions = KeyedOptions;

const LOCAL = 'http://127.0.0.1:8080/v1';
/** The base class insists on a key; an open service ignores it. */
const NO_KEY = 'unused';

/** The base, without the parts whose types differ: a durable call has one answer more. */
const Base: new (options: KeyedOptions) => Omit<KeyedOpenAI, 'chat' | 'withOptions'> = KeyedOpenAI;

/** The official OpenAI client for a ReqRun service; everything it could do before, it still does. */
export class ReqRun extends Base {
  declare readonly chat: DurableChat;
  /** A copy with other options. */
  declare readonly withOptions: (options: Partial<ReqRunOptions>) => ReqRun;
  /** Records: read one, or wait for its end. */
  readonly requests: Requests;

  constructor(options: ReqRunOptions = {}) {
    super({ baseURL: LOCAL, apiKey: NO_KEY, ...options });
    this.requests = new Requests(this);
  }
}
